// Role: one move of one guest, carried out by the real executor on a world of the contract suite;
// and what must be true when it is over, whatever went wrong on the way.
import { moveId } from '../../src/domain/ids.ts';
import { type Outcome, STAGES } from '../../src/domain/journal.ts';
import type { Move, MoveMethod } from '../../src/domain/plan.ts';
import type { PolicySet } from '../../src/domain/policy.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { seconds } from '../../src/domain/units.ts';
import type { ExecutorParts } from '../../src/execute/executor-parts.ts';
import { Executor } from '../../src/execute/executor.ts';
import type { RestartGuard } from '../../src/execute/restart-guard.ts';
import { isLive } from '../../src/domain/compatibility.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Inventory, MoveOrder } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { planOf, yes } from '../support/execution-bench.ts';
import {
  aFailure,
  aPolicy,
  aSnapshot,
  held,
  someHostFailure,
  someMigration,
} from '../support/fleet.ts';
import { aMove } from '../support/ledger-records.ts';
import { mortal, type Mortal } from '../support/mortal.ts';
import { recordingEvents, type RecordingEvents } from '../support/recording-events.ts';
import type { ContractSubject, ContractWorld, Truth } from './contract-world.ts';
import type { Fate } from './machine-fates.ts';
import { LATE_SECONDS, Trouble } from './machine-trouble.ts';

export interface Machine {
  readonly world: ContractWorld;
  readonly fate: Fate;
  readonly move: Move;
  /** As the hypervisor is told about it. */
  readonly order: MoveOrder;
  readonly ledger: Ledger;
  readonly events: RecordingEvents;
  readonly trouble: Trouble;
  /** The guest before the move. */
  readonly before: Truth;
  readonly begunBefore: number;
  executor(life?: Mortal, parts?: Partial<ExecutorParts>): Executor;
}

/** Longest time that a move may take, all faults and recoveries included. */
const LONGEST_SECONDS = 3 * 3600;

/** By when a move that began late has ended. */
const LATE_MOVE_SECONDS = 60;

export async function makeMachine(
  world: ContractWorld,
  subject: ContractSubject,
  method: MoveMethod,
  fate: Fate,
): Promise<Machine> {
  const { clock, hypervisor } = world;
  const vm = method === 'storage' && world.ownDisk !== undefined ? world.ownDisk : world.vms[0];
  const before = await world.truth(vm);
  const [from] = before.runningOn;
  const to = world.hosts.find((host) => host !== from);
  if (from === undefined || to === undefined) throw new Error(`${vm} runs nowhere`);
  const move = aMove({ id: moveId('m1'), vm, from, to, method, tier: 'mandatory' });
  const policies = policiesFor(fate, world);
  const snapshot = snapshotOf(await hypervisor.inventory(new AbortController().signal), move);
  if (method === 'restart') await world.killHost?.(from);
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const events = recordingEvents();
  const trouble = new Trouble(clock);
  const machine: Machine = {
    world,
    fate,
    move,
    order: {
      move: move.id,
      vm,
      from,
      to,
      method,
      downtimeLimitSeconds: seconds(0.3),
      bandwidth: undefined,
      autoConverge: false,
      allowPostCopy: false,
    },
    ledger,
    events,
    trouble,
    before,
    begunBefore: (await world.begun?.(vm)) ?? 0,
    executor: (life, parts = {}) => {
      const seen = { hypervisor: trouble.hypervisor(hypervisor), ledger: trouble.ledger(ledger) };
      const bound = life?.bind(seen.hypervisor) ?? seen.hypervisor;
      return new Executor({
        ledger: life?.bind(seen.ledger) ?? seen.ledger,
        clock,
        events,
        hypervisors: new Map([[hypervisor.source, bound]]),
        settings: () => policies,
        world: () => snapshot,
        restarts: method === 'restart' ? deathOf(move) : undefined,
        timing: subject.timing ?? {},
        ...parts,
      });
    },
  };
  await fate.prepare?.(machine);
  return machine;
}

function policiesFor({ ladder = ['pre-copy'] }: Fate, world: ContractWorld): PolicySet {
  const steps = { 'mission-critical': ladder, business: ladder, standard: ladder };
  const migration = someMigration({
    ladder: { ...steps, 'best-effort': ladder },
    methods: ['pre-copy', 'post-copy', 'cold', 'storage'],
    bandwidth: world.busyBandwidth,
    timeoutSecondsPerGib: seconds(60),
  });
  return aPolicy({ migration, hostFailure: someHostFailure({ restart: 'fenced' }) });
}

/** As a collector sees it before the move; of a restart, after the source has died. */
function snapshotOf({ hosts, vms }: Inventory, { method, from }: Move): Snapshot {
  return aSnapshot({
    hosts: hosts.map((facts) => {
      const host = { ...facts, state: 'healthy', metrics: {}, health: [], alerts: [] } as const;
      if (method !== 'restart' || facts.id !== from) return host;
      return { ...host, connection: 'disconnected', failure: aFailure() };
    }),
    vms: vms.map((facts) => {
      const classes = { criticality: 'standard', permission: 'restart' } as const;
      return { ...facts, ...classes, metrics: { 'cpu.used': held(0.1) } };
    }),
  });
}

function deathOf({ from }: Move): RestartGuard {
  return {
    isDead: (host) => host === from,
    objection: async (host) => (host === from ? undefined : 'it is not known dead'),
    note: async () => {},
    leftOn: () => [],
  };
}

/** Orders the move and waits until it is over, or its process is dead. */
export async function play(machine: Machine, executor: Executor, life?: Mortal): Promise<void> {
  const { world, move, fate, trouble } = machine;
  let isDone = false;
  void executor.submit(planOf([move]), yes([move])).then(() => {
    isDone = true;
    return undefined;
  });
  void fate.interfere?.(machine, executor);
  // What is tried instead of it is a move of its own.
  const isOver = (): boolean => isDone && executor.open.length === 0;
  await waitUntil(world, () => isOver() || life?.isOver() === true);
  // What was under way late is over by then, whatever it did.
  if (isDone && trouble.callFault?.fault === 'late') {
    await world.clock.sleep(seconds(LATE_SECONDS + LATE_MOVE_SECONDS));
  }
}

/**
 * A new process takes up what the old one left, and dies after some calls; the next one ends it.
 * Once more: nothing is left to do.
 */
export async function recover(machine: Machine, fatal: number): Promise<void> {
  const second = mortal(fatal);
  void machine.executor(second).recover();
  await machine.world.clock.sleep(seconds(10));
  second.end();
  const heir = machine.executor();
  await heir.recover();
  await waitUntil(machine.world, () => heir.open.length === 0);
  await heir.stop();
  const again = await machine.executor().recover();
  if (again.moves.length > 0) machine.trouble.wrongs.push('a recovery found work twice');
}

async function waitUntil({ clock }: ContractWorld, isOver: () => boolean): Promise<void> {
  const deadline = clock.monotonic() + LONGEST_SECONDS;
  while (!isOver() && clock.monotonic() < deadline) await clock.sleep(seconds(1));
}

const DEBRIS = 'holds a copy of it';

/** Empty when everything is in order; else what is wrong. `expected`: how it has to end. */
export async function wrongs(machine: Machine, expected?: Outcome): Promise<readonly string[]> {
  const { move, ledger, trouble, fate } = machine;
  const out = [...trouble.wrongs];
  const record = await ledger.move(move.id);
  const second = await ledger.move(moveId(`${move.id}-cold`));
  const outcome = record?.result?.outcome;
  if ((await ledger.openMoves()).length > 0) out.push('the move is open');
  if ((await ledger.reservations()).length > 0) out.push('capacity is still reserved');
  if (expected !== undefined && outcome !== expected) {
    out.push(`it ended as ${outcome ?? 'nothing'}: ${record?.result?.detail ?? ''}`);
  }
  const isFollowed = second?.result?.outcome === 'succeeded';
  if (second !== undefined && fate.isMovedInstead !== true) out.push('it was moved cold instead');
  if (expected !== undefined && isFollowed !== (fate.isMovedInstead === true)) {
    out.push(`instead of it: ${second?.result?.detail ?? 'nothing'}`);
  }
  if (outcome === 'needs-human') out.push(`a human was called: ${record?.result?.detail ?? ''}`);
  if (record !== undefined) {
    const lines = await ledger.history({ vm: move.vm, limit: 10 });
    if (lines.length !== (second === undefined ? 1 : 2))
      out.push(`${lines.length} lines of history`);
    out.push(...journalWrongs(record));
  }
  const there = await placeWrongs(machine, {
    isMoved: outcome === 'succeeded' || isFollowed,
    moves: (record === undefined ? 0 : 1) + (second === undefined ? 0 : 1),
  });
  // What could not be taken off the target is at least told.
  const isTold = record?.result?.detail.includes('may hold remains') === true;
  return [...out, ...there.filter((wrong) => !(isTold && wrong.includes(DEBRIS)))];
}

async function placeWrongs(
  { world, move, before, begunBefore }: Machine,
  { isMoved, moves }: { readonly isMoved: boolean; readonly moves: number },
): Promise<readonly string[]> {
  const out: string[] = [];
  const truth = await world.truth(move.vm);
  const begun = ((await world.begun?.(move.vm)) ?? 0) - begunBefore;
  if (begun > moves) out.push(`${begun} were begun, and ${moves} are on record`);
  const isRestart = move.method === 'restart';
  const home = isMoved ? [move.to] : isRestart ? [] : [move.from];
  if (truth.runningOn.join() !== home.join()) {
    out.push(`it ${isMoved ? 'moved' : 'did not move'}, and runs on [${truth.runningOn.join()}]`);
  }
  const owed = isRestart ? [move.from, ...home] : home;
  if (truth.definedOn.toSorted().join() !== owed.toSorted().join()) {
    out.push(`it is defined on [${truth.definedOn.join()}], not on [${owed.join()}]`);
  }
  const isLiveOnly = isLive(move.method) && moves < 2;
  if (isLiveOnly && truth.boot !== before.boot) out.push('a live move booted it');
  const { signal } = new AbortController();
  const { sightings } = await world.hypervisor.locate(move.vm, signal);
  const debris = sightings.filter(({ host }) => !home.includes(host));
  for (const { host, state } of debris) out.push(`${host} ${DEBRIS} (${state})`);
  return out;
}

function journalWrongs(record: NonNullable<Awaited<ReturnType<Ledger['move']>>>): string[] {
  const { stages, result } = record;
  const has = (stage: string, phase: string): boolean =>
    stages.some((entry) => entry.stage === stage && entry.phase === phase);
  const begun = STAGES.filter((stage) => has(stage, 'before'));
  if (result?.outcome === 'succeeded') {
    return STAGES.filter((stage) => !has(stage, 'after')).map((stage) => `${stage} was not ended`);
  }
  return begun.filter((stage) => !has(stage, 'undo')).map((stage) => `${stage} was not undone`);
}
