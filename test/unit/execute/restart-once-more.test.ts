// Role: a VM that is to be restarted once more, because the host died on which it was restarted:
// what is still defined there counts, whether or not anybody has ever seen it there.
import { describe, expect, it, vi } from 'vitest';

import { compareText, type HostId, hostId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import type { Outcome } from '../../../src/domain/journal.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aFailure } from '../../support/fleet.ts';
import { aResult, aStage } from '../../support/ledger-records.ts';
import { type DeadHosts, deadHosts } from '../../support/restart-guard.ts';
import { SOURCE } from '../../support/scripted-hypervisor.ts';

const [H1, H2, H3] = ['h1', 'h2', 'h3'].map(hostId) as [HostId, HostId, HostId];
const FIRST = [restart('m1', 'h2')];
const AGAIN = [restart('m2', 'h4')];

function restart(id: string, to: string): Move {
  return move('1', 'h1', to, { id: moveId(id), method: 'restart', tier: 'mandatory' });
}

interface Scene extends DeadHosts {
  readonly bench: Bench;
  readonly power: Map<HostId, string>;
  /** Where a start was asked for. */
  readonly starts: HostId[];
  /** Their power is off, and they answer nothing. */
  readonly die: (...hosts: HostId[]) => void;
}

/** h1 is dead, and v1 was on it. @param takes answers to a start on the host. */
async function scene(takes: (to: HostId) => void = () => undefined): Promise<Scene> {
  const bench = await makeBench(['h1'], { capabilities: { methods: ['restart'] } });
  const { hypervisor } = bench;
  const truth = hypervisor.truth('v1');
  truth.runsOn = [];
  const [dead, power] = [new Set<HostId>(), new Map<HostId, string>()];
  const starts: HostId[] = [];
  hypervisor.startMove = async ({ to }) => {
    starts.push(to);
    truth.definedOn.add(to);
    truth.runsOn = [...truth.runsOn, to];
    takes(to);
    return { ok: true, value: undefined };
  };
  const gone = { connection: 'disconnected', failure: aFailure() } as const;
  const die = (...hosts: HostId[]): void => {
    for (const host of hosts) dead.add(host);
    for (const host of hosts) hypervisor.blind.add(host);
    bench.world = {
      ...bench.world,
      hosts: bench.world.hosts.map((one) => (dead.has(one.id) ? { ...one, ...gone } : one)),
      vms: bench.world.vms.map((vm) => ({ ...vm, permission: 'restart' })),
    };
  };
  die(H1);
  return { bench, power, starts, die, ...deadHosts(dead, power) };
}

async function carryOut({ bench, restarts }: Scene, moves: readonly Move[]) {
  const done = bench.executor({ restarts }).submit(planOf(moves, moves[0]?.id), yes(moves));
  await bench.clock.until(done);
  return (await bench.ledger.move(moveId(moves[0]?.id ?? '')))?.result;
}

/** h2 has died before any inventory has shown v1 there: it is seen on h1 still, if anywhere. */
async function lostUnseen(at: Scene): Promise<void> {
  expect((await carryOut(at, FIRST))?.outcome).toBe('succeeded');
  const { bench, die } = at;
  die(H2);
  bench.hypervisor.truth('v1').runsOn = [];
  const askedAt = new Map([[SOURCE, bench.clock.monotonic() + 60]]);
  bench.world = { ...bench.world, askedAt: askedAt as never };
  await bench.clock.pass(600);
}

describe('a restart whose target dies in the middle of it', () => {
  it('leaves a definition there: it is noted, and the power of that asked for', async () => {
    const at = await scene((to) => {
      if (to !== H2) return;
      // It takes the order, and dies.
      at.bench.hypervisor.truth('v1').runsOn = [];
      at.bench.hypervisor.blind.add(H2);
      throw new AdapterError('lost', SOURCE, 'h2 is gone');
    });
    const { bench, die, power, starts, notes } = at;
    const first = carryOut(at, FIRST);
    await bench.clock.pass(120);
    die(H2);
    expect((await first)?.outcome).toBe('failed');
    expect(new Set(notes)).toEqual(new Set(['h1 v1', 'h2 v1']));
    // Somebody presses its button: it starts what is defined on it, and its control stays cut.
    bench.hypervisor.truth('v1').runsOn = [H2];
    power.set(H2, 'its power is on');
    expect((await carryOut(at, AGAIN))?.detail).toBe('not-fenced: its power is on');
    expect(starts).toEqual(['h2']);
  });
});

describe('a restart whose target dies before any inventory has shown the VM there', () => {
  it('is not followed by another one while that has its power back', async () => {
    const at = await scene();
    await lostUnseen(at);
    at.power.set(H2, 'its power is on');
    expect((await carryOut(at, AGAIN))?.detail).toBe('not-fenced: its power is on');
    expect(at.starts).toEqual(['h2']);
  });

  it('is, while that is off; and it is noted first what that has of the VM', async () => {
    const at = await scene();
    await lostUnseen(at);
    at.notes.length = 0;
    expect((await carryOut(at, AGAIN))?.outcome).toBe('succeeded');
    expect(at.starts).toEqual(['h2', 'h4']);
    expect(new Set(at.notes)).toEqual(new Set(['h1 v1', 'h2 v1']));
  });
});

/** A move of v1 that has ended; whether it was begun; and what it left. */
interface Past {
  readonly from: string;
  readonly to: string;
  readonly outcome: Outcome;
  readonly begun?: false;
  readonly remains?: true;
}

async function remember({ bench }: Scene, past: readonly Past[]): Promise<void> {
  for (const [index, { from, to, outcome, begun, remains }] of past.entries()) {
    const id = `old${index}`;
    const one = move('1', from, to, { id: moveId(id) });
    const record = { move: one, plan: planId('p0'), source: SOURCE, vmName: 'v1' };
    await bench.ledger.openMove({ ...record, openedAt: bench.clock.now() });
    await bench.ledger.addStages([
      aStage(id, begun === false ? 'pre-migration' : 'pre-copy', 'before'),
    ]);
    const at = bench.clock.now();
    const line = { at, kind: 'move', vm: one.vm, host: one.to, from: one.from } as const;
    const result = aResult({ at, outcome, remains });
    await bench.ledger.closeMove(one.id, result, { ...line, move: one.id, text: '' });
    await bench.clock.pass(60);
  }
}

describe('a dead host that says nothing, and whose power nobody can ask for', () => {
  it.each<[string, readonly Past[]]>([
    ['has never had the VM', []],
    [
      'was left by it in the last move that was about it',
      [
        { from: 'h1', to: 'h3', outcome: 'succeeded' },
        { from: 'h3', to: 'h1', outcome: 'succeeded' },
      ],
    ],
    ['was seen clean after a move to it had failed', [{ from: 'h1', to: 'h3', outcome: 'failed' }]],
    [
      'was to get it by a move that was not begun',
      [{ from: 'h1', to: 'h3', outcome: 'skipped', begun: false }],
    ],
  ])('does not hold up the restart of a VM where it %s', async (_what, past) => {
    const at = await scene();
    await remember(at, past);
    at.die(H3);
    at.power.set(H3, 'its device does not answer');
    expect((await carryOut(at, AGAIN))?.outcome).toBe('succeeded');
    expect(new Set(at.asked)).toEqual(new Set([H1]));
  });

  it.each<[string, readonly Past[]]>([
    ['got it, and no inventory shows it', [{ from: 'h1', to: 'h3', outcome: 'succeeded' }]],
    ['may hold remains', [{ from: 'h1', to: 'h3', outcome: 'failed', remains: true }]],
    [
      'may hold remains of a move that had nothing else begun',
      [{ from: 'h1', to: 'h3', outcome: 'failed', begun: false, remains: true }],
    ],
    ['was its source when nothing came of a move', [{ from: 'h3', to: 'h1', outcome: 'failed' }]],
    [
      'is part of an end that a human was called for',
      [
        { from: 'h1', to: 'h3', outcome: 'needs-human' },
        { from: 'h1', to: 'h3', outcome: 'skipped', begun: false },
      ],
    ],
  ])('holds it up where it %s', async (_what, past) => {
    const at = await scene();
    await remember(at, past);
    at.die(H3);
    at.power.set(H3, 'its device does not answer');
    expect((await carryOut(at, AGAIN))?.detail).toBe('not-fenced: its device does not answer');
    expect(at.starts).toEqual([]);
  });
});

describe('what the ledger says of the moves of a VM', () => {
  const ROUND: readonly Past[] = [
    { from: 'h1', to: 'h2', outcome: 'succeeded' },
    { from: 'h2', to: 'h3', outcome: 'succeeded' },
    { from: 'h3', to: 'h1', outcome: 'succeeded' },
  ];

  it('is read once by a restart, however many silent hosts there are', async () => {
    const at = await scene();
    await remember(at, ROUND);
    at.die(H2, H3);
    const { ledger } = at.bench;
    const history = vi.spyOn(ledger, 'history');
    const record = vi.spyOn(ledger, 'move');
    expect((await carryOut(at, AGAIN))?.outcome).toBe('succeeded');
    expect(history.mock.calls).toHaveLength(1);
    const read = record.mock.calls.map(([id]) => id).filter((id) => id.startsWith('old'));
    expect(read.toSorted(compareText)).toEqual(['old1', 'old2']);
  });

  it('is read further back where the VM has moved often since', async () => {
    const at = await scene();
    await remember(at, [{ from: 'h1', to: 'h3', outcome: 'succeeded' }]);
    const { ledger, clock } = at.bench;
    const about = { vm: vmId('v1'), host: H1, from: undefined, move: undefined };
    const since = clock.now();
    const lines = Array.from({ length: 300 }, (_none, n) => ({
      ...about,
      at: since,
      text: `${n}`,
    }));
    await ledger.addHistory(lines.map((line) => ({ ...line, kind: 'state' as const })));
    at.die(H3);
    at.power.set(H3, 'its device does not answer');
    expect((await carryOut(at, AGAIN))?.detail).toBe('not-fenced: its device does not answer');
  });
});
