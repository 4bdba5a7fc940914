// Role: an executor on a scripted hypervisor, a ledger in memory and a clock in the test's hand;
// and what must be true when all is over, whatever went wrong on the way.
import { hostId, moveId, planId, vmId } from '../../src/domain/ids.ts';
import type { GateVerdict } from '../../src/domain/journal.ts';
import type { Move, Plan } from '../../src/domain/plan.ts';
import type { PolicySet } from '../../src/domain/policy.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { ExecutorParts } from '../../src/execute/executor-parts.ts';
import { Executor } from '../../src/execute/executor.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot, aVm, someHostFailure, TEST_NOW } from './fleet.ts';
import { aMove } from './ledger-records.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { type RecordingEvents, recordingEvents } from './recording-events.ts';
import { ScriptedHypervisor, type ScriptedOptions, SOURCE } from './scripted-hypervisor.ts';

export interface Bench {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly hypervisor: ScriptedHypervisor;
  readonly events: RecordingEvents;
  world: Snapshot;
  policies: PolicySet;
  /** An executor on these parts, or on what a test puts in their place. */
  executor(parts?: Partial<ExecutorParts>): Executor;
  /** A hypervisor that is asked instead of the scripted one, under the same name. */
  through(hypervisor: Hypervisor): Pick<ExecutorParts, 'hypervisors'>;
}

/** Four hosts; VMs v1, v2, … run on the hosts that are given, in that order. */
export async function makeBench(
  hosts: readonly string[] = ['h1'],
  options: Omit<ScriptedOptions, 'clock'> = {},
): Promise<Bench> {
  const clock = manualClock(TEST_NOW);
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const hypervisor = new ScriptedHypervisor({ clock, ...options });
  const vms = hosts.map((host, index) => aVm({ id: `v${index + 1}`, host }));
  for (const vm of vms) hypervisor.place(vm.id, vm.host);
  const events = recordingEvents();
  const bench: Bench = {
    clock,
    ledger,
    hypervisor,
    events,
    world: aSnapshot({ hosts: ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id })), vms }),
    policies: aPolicy({ hostFailure: someHostFailure({ restart: 'fenced' }) }),
    executor: (parts = {}) =>
      new Executor({
        ledger,
        clock,
        events,
        settings: () => bench.policies,
        world: () => bench.world,
        ...bench.through(hypervisor),
        ...parts,
      }),
    through: (other) => ({ hypervisors: new Map([[SOURCE, other]]) }),
  };
  return bench;
}

export function move(id: string, from: string, to: string, options: Partial<Move> = {}): Move {
  return aMove({
    id: moveId(`m${id}`),
    vm: vmId(`v${id}`),
    from: hostId(from),
    to: hostId(to),
    ...options,
  });
}

export function planOf(moves: readonly Move[], id = 'p1'): Plan {
  const objective = { before: 1, after: 0, terms: {} };
  return { id: planId(id), snapshotAt: TEST_NOW, moves, objective };
}

export function yes(moves: readonly Move[]): readonly GateVerdict[] {
  return moves.map((one) => {
    return { move: one.id, verdict: 'execute', mode: 'automatic', refusals: [] };
  });
}

/** Carries the moves out to their end; the outcomes by move. */
export async function carryOut(
  bench: Bench,
  moves: readonly Move[],
): Promise<Readonly<Record<string, string>>> {
  await bench.clock.until(bench.executor().submit(planOf(moves), yes(moves)));
  const ends = bench.events.of('move-ended');
  return Object.fromEntries(ends.map((end) => [end.move.id, end.result.outcome]));
}

/** Empty when everything is in order; otherwise what is wrong, for the message of a test. */
export async function wrongs(bench: Bench, moves: readonly Move[]): Promise<string[]> {
  const { ledger, hypervisor } = bench;
  const out: string[] = [];
  for (const { id } of (await ledger.openMoves()).map((record) => record.move)) {
    out.push(`${id} is open`);
  }
  if ((await ledger.reservations()).length > 0) out.push('capacity is still reserved');
  for (const one of moves) {
    const truth = hypervisor.truth(one.vm);
    const [runs] = truth.runsOn;
    if (truth.runsOn.length !== 1) out.push(`${one.vm} runs on [${truth.runsOn.join(' ')}]`);
    const record = await ledger.move(one.id);
    const outcome = record?.result?.outcome ?? 'no record';
    if ((outcome === 'succeeded') !== (runs === one.to)) {
      out.push(`${one.id} ${outcome}, and ${one.vm} runs on ${runs ?? 'nothing'}`);
    }
    const defined = [...truth.definedOn].join(' ');
    if (defined !== runs) out.push(`${one.vm} runs on ${runs}, and is defined on [${defined}]`);
    const debris = [...truth.incomingOn].join(' ');
    if (debris !== '') out.push(`${one.vm} left debris on ${debris}`);
    const starts = hypervisor.started.filter((started) => started === one.id).length;
    if (starts > 1) out.push(`${one.id} was started ${starts} times`);
    const entries = record?.stages.map(({ stage, phase }) => `${stage} ${phase}`) ?? [];
    if (starts > 0 && !entries.includes('pre-copy before')) out.push(`${one.id}: no entry before`);
  }
  return out;
}
