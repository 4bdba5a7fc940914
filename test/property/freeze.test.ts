// Role: two controllers, one ledger, one datacenter, and one of them frozen at every single await
// until long after its lease has run out, then woken. It must do nothing more, and the other must
// bring everything to its end: once, and on the record once.
import { describe, expect, it } from 'vitest';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { clusterId, moveId, type VmId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import { seconds } from '../../src/domain/units.ts';
import { Executor } from '../../src/execute/executor.ts';
import { GuardedHypervisor } from '../../src/execute/guarded-hypervisor.ts';
import { LeaseKeeper } from '../../src/execute/lease-keeper.ts';
import { DEFAULT_LEASE_TIMING, NO_TOKENS } from '../../src/execute/lease-keeper-parts.ts';
import { MoveLeases } from '../../src/execute/move-leases.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { simHost, simVm } from '../support/datacenter.ts';
import { planOf, yes } from '../support/execution-bench.ts';
import { aPolicy, aSnapshot, held } from '../support/fleet.ts';
import { type Freezer, freezer } from '../support/freezer.ts';
import { aMove } from '../support/ledger-records.ts';
import { recordingEvents } from '../support/recording-events.ts';
import { virtualClock } from '../support/virtual-time.ts';

const VMS = 3;
const CLUSTER = clusterId('cluster');
const BEAT = seconds(10);
/** Longer than a take-over takes, and than the moves after it. */
const FROZEN = seconds(220);
/** Longer than a lease, shorter than a take-over takes. */
const RAN_OUT = seconds(50);
const EFFECTS = ['startMove', 'steer', 'abort', 'commit', 'cleanUp', 'setMaintenance'];

interface Scene {
  readonly clock: VirtualClock;
  readonly datacenter: SimulatedDatacenter;
  readonly store: Ledger;
  /** Every side effect as it reaches the hypervisor. */
  readonly effects: { readonly by: string; readonly call: string; readonly frozen: boolean }[];
}

interface Controller {
  readonly executor: Executor;
  readonly keeper: LeaseKeeper;
  /** Nothing of its own keeps the cluster: it could be given up. */
  readonly isIdle: () => boolean;
  readonly stop: () => void;
}

function worldOf(datacenter: SimulatedDatacenter) {
  const facts = datacenter.inventory();
  const seen = { state: 'healthy', metrics: {}, health: [], alerts: [] } as const;
  const classes = { criticality: 'standard', permission: 'cold' } as const;
  return aSnapshot({
    hosts: facts.hosts.map((host) => ({ ...host, ...seen, cluster: CLUSTER })),
    vms: facts.vms.map((vm) => ({ ...vm, ...classes, metrics: { 'cpu.used': held(0.5) } })),
  });
}

/** Writes down what arrives, and whether the one who sent it was frozen by then. */
function recorded(scene: Scene, by: string, frost: Freezer): Hypervisor {
  const inner = new SimulatedHypervisor({ datacenter: scene.datacenter, clock: scene.clock });
  return new Proxy<Hypervisor>(inner, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]) => {
        const call = String(name);
        if (EFFECTS.includes(call)) {
          scene.effects.push({ by, call, frozen: frost.frozenIn !== undefined });
        }
        return member.apply(target, parts) as unknown;
      };
    },
  });
}

/** A controller as the composition root makes it, without collector and planner. */
function controller(scene: Scene, name: string, frost: Freezer): Controller {
  const { clock: time, store, datacenter } = scene;
  const sleep = frost.bind({ sleep: time.sleep.bind(time) });
  const clock: Clock = { now: () => time.now(), monotonic: () => time.monotonic(), ...sleep };
  const asleep: Clock = { ...clock, sleep: (duration, signal) => sleep.sleep(duration, signal) };
  const keeper = new LeaseKeeper({
    leases: frost.bind(store),
    elapsed: () => time.monotonic(),
    steady: () => time.monotonic(),
    events: recordingEvents(),
    me: { id: name, name },
    wants: () => true,
    sole: false,
    timing: DEFAULT_LEASE_TIMING,
    tokens: NO_TOKENS,
  });
  const moves = new MoveLeases(keeper, () => CLUSTER);
  const frozen = frost.bind(recorded(scene, name, frost));
  const hypervisor = new GuardedHypervisor(frozen, moves, frost.bind(store));
  const world = worldOf(datacenter);
  const executor = new Executor({
    ledger: frost.bind(store.fencedBy(moves)),
    clock: asleep,
    events: recordingEvents(),
    hypervisors: new Map([[hypervisor.source, hypervisor]]),
    settings: () => aPolicy(),
    world: () => world,
    takeUp: (record) => moves.takeUp(record),
    letGo: (move) => moves.ended(move),
  });
  keeper.see([CLUSTER]);
  let isOver = false;
  let plans = 0;
  const live = async (): Promise<void> => {
    while (!isOver) {
      try {
        const taken = await keeper.beat((cluster) => moves.isIdle(cluster));
        // As the daemon does: what was left open while the lease was over is taken up again.
        if (taken.length > 0 || executor.hasUnfollowed) {
          await executor.recover();
          plans += 1;
          const left = movesLeft(datacenter, `${name}-${plans}`);
          void executor.submit(planOf(left, `plan of ${name}`), yes(left));
        }
      } catch {
        // As the schedule does: the next beat comes in any case.
      }
      await asleep.sleep(BEAT);
    }
  };
  void live();
  return {
    executor,
    keeper,
    isIdle: () => moves.isIdle(CLUSTER),
    stop: () => {
      isOver = true;
    },
  };
}

/** Empties host-a. */
function movesLeft(datacenter: SimulatedDatacenter, plan: string): Move[] {
  const { hosts, vms } = worldOf(datacenter);
  const [from, to] = hosts;
  if (from === undefined || to === undefined) throw new Error('the scene has two hosts');
  return vms
    .filter((vm) => vm.host === from.id)
    .map((vm) => {
      const id = moveId(`${plan} ${vm.id}`);
      return aMove({ id, vm: vm.id, from: from.id, to: to.id });
    });
}

interface End {
  readonly calls: readonly string[];
  readonly wrongs: readonly string[];
}

/** @param at the call of the first controller at which it is frozen. */
async function story(at?: number, frozenFor = FROZEN): Promise<End> {
  const clock = virtualClock();
  const hosts = ['host-a', 'host-b'].map((name) => simHost(name));
  const vms = Array.from({ length: VMS }, (_, index) => simVm(`vm-${index}`, 'host-a'));
  const datacenter = new SimulatedDatacenter({ seed: 1, hosts, vms, groups: [] }, clock);
  const store = await openSqliteLedger({ file: ':memory:', clock });
  const scene: Scene = { clock, datacenter, store, effects: [] };
  const frost = freezer(at);
  return clock.run(async () => {
    const first = controller(scene, 'ada', frost);
    await clock.sleep(seconds(1));
    const second = controller(scene, 'ben', freezer());
    await clock.sleep(frozenFor);
    frost.wake();
    await clock.sleep(seconds(100));
    first.stop();
    second.stop();
    const wrongs = await judge(scene, frozenFor < FROZEN ? undefined : frost);
    for (const [name, one] of Object.entries({ ada: first, ben: second }))
      if (!one.isIdle()) wrongs.push(`${name} holds on to a move that has ended`);
    await clock.sleep(BEAT);
    return { calls: frost.calls, wrongs };
  });
}

/** @param frost of the one that is to have done nothing more. */
async function judge(scene: Scene, frost: Freezer | undefined): Promise<string[]> {
  const { store, datacenter, effects } = scene;
  const wrongs: string[] = [];
  const after = effects.filter(({ by, frozen }) => by === 'ada' && frozen);
  const late = frost === undefined ? [] : after.slice(isEffect(frost));
  if (late.length > 0) wrongs.push(`acted after it was frozen: ${JSON.stringify(late)}`);
  const { vms } = worldOf(datacenter);
  for (const vm of vms) wrongs.push(...(await wrongPlaces(datacenter, vm.id)));
  for (const { move } of await store.openMoves()) wrongs.push(`${move.id} is open`);
  const lines = await store.history({ limit: 100 });
  const records = await store.recentMoves(100);
  for (const { move } of records) {
    const own = lines.filter((line) => line.move === move.id).length;
    if (own !== 1) wrongs.push(`${move.id} has ${own} lines of history`);
  }
  for (const vm of vms) {
    const done = records.filter(
      ({ move, result }) => move.vm === vm.id && result?.outcome === 'succeeded',
    );
    if (done.length !== 1) wrongs.push(`${vm.id} was moved ${done.length} times`);
  }
  return wrongs;
}

/** 1 where the call at which it froze is a side effect itself: that was asked for before. */
function isEffect({ frozenIn }: Freezer): number {
  return EFFECTS.includes(frozenIn ?? '') ? 1 : 0;
}

async function wrongPlaces(datacenter: SimulatedDatacenter, vm: VmId): Promise<string[]> {
  const { sightings } = datacenter.locate(vm);
  const running = sightings.filter(({ state }) => state === 'running').map(({ host }) => host);
  return running.length === 1 && running[0] === worldOf(datacenter).hosts[1]?.id
    ? []
    : [`${vm} runs on [${running.join(' ')}]`];
}

describe('a controller that stands still past its lease', () => {
  it('does nothing more, at whichever await it was, and the other finishes', async () => {
    const quiet = await story();
    expect(quiet.wrongs).toEqual([]);
    // From its first call until its last move is on record; after that, it only beats.
    const calls = quiet.calls.lastIndexOf('closeMove') + 1;
    expect(calls).toBeGreaterThan(100);
    for (let at = 0; at < calls; at += 1) {
      const { wrongs } = await story(at);
      expect(wrongs, `frozen at call ${at}`).toEqual([]);
    }
  });

  it('goes on by itself where its lease ran out, and nobody had taken it over yet', async () => {
    // Every third await of those before it is woken: the first test stops at each of them.
    for (let at = 0; at < 120; at += 3) {
      const { wrongs } = await story(at, RAN_OUT);
      expect(wrongs, `frozen at call ${at}`).toEqual([]);
    }
  });
});
