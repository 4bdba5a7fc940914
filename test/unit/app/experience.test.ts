// Role: what the daemon learns of its own moves: from the ledger, again after a restart, and not
// at every tick; and which records teach anything.
import { describe, expect, it } from 'vitest';

import { Experience } from '../../../src/app/experience.ts';
import type { Host } from '../../../src/domain/host.ts';
import { hostId, moveId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { MoveRecord, MoveResult } from '../../../src/domain/journal.ts';
import { inOneGo } from '../../../src/domain/slices.ts';
import { bytes, bytesPerSecond, epochSeconds, seconds } from '../../../src/domain/units.ts';
import { finishedCopies } from '../../../src/plan/finished.ts';
import { realShare } from '../../../src/plan/learned.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  TEST_NOW,
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
const vms = [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h1' })];
const snapshot = aSnapshot({ hosts, vms });
const migration = someMigration();

const [template] = plan({
  snapshot,
  findings: [aFinding('evacuate', { host: 'h1' })],
  limits: someLimits(),
  migration,
  weights: someWeights(),
  seed: 1,
}).plan.moves;

interface Made {
  readonly vm?: string;
  readonly endedAgo?: number;
  readonly took?: number;
  readonly from?: string;
  readonly to?: string;
  readonly method?: 'pre-copy' | 'cold';
  readonly result?: Partial<MoveResult> | 'open';
}

/** 4 GiB over a link of 1.25 GB/s. */
function aRecord(made: Made = {}): MoveRecord {
  if (template === undefined) throw new Error('the plan has no move');
  const { vm = 'v1', endedAgo = 100, took = 5, from = 'h1', to = 'h2', result = {} } = made;
  const at = epochSeconds(TEST_NOW - endedAgo);
  const ended: MoveResult = {
    outcome: 'succeeded',
    at,
    detail: '',
    seconds: seconds(took),
    downtimeSeconds: seconds(0.1),
    bytes: bytes(4 * 2 ** 30),
    ...(result === 'open' ? {} : result),
  };
  const method = made.method ?? 'pre-copy';
  const ends = { vm: vmId(vm), from: hostId(from), to: hostId(to), method };
  return {
    move: { ...template, ...ends, id: moveId(`${vm} ${endedAgo}`) },
    plan: planId('p'),
    source: sourceId('lab'),
    vmName: vm,
    openedAt: epochSeconds(at - took),
    stages: [],
    result: result === 'open' ? undefined : ended,
  };
}

describe('records as the learning wants them', () => {
  it('are live moves that succeeded, of what is still there', () => {
    const records = [
      aRecord(),
      aRecord({ result: { outcome: 'failed' } }),
      aRecord({ result: { seconds: undefined } }),
      aRecord({ result: 'open' }),
      aRecord({ method: 'cold' }),
      aRecord({ vm: 'gone' }),
      aRecord({ to: 'gone' }),
    ];
    const found = inOneGo(finishedCopies(records, snapshot, migration));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ seconds: 5, nominalBandwidth: 1.25e9 });
    expect(found[0]?.dirtying).toEqual({ kind: 'rate', rate: 1e7 });
  });

  it('begin when the platform has begun them: the queue is no pace, and no use of a link', () => {
    const queued = aRecord({ took: 65, result: { queuedSeconds: seconds(60) } });
    const meanwhile = aRecord({ vm: 'v2', endedAgo: 130, took: 5 });
    const found = inOneGo(finishedCopies([queued, meanwhile], snapshot, migration));
    expect(found.map(({ seconds: took, sharing }) => [took, sharing])).toEqual([
      [5, 1],
      [5, 1],
    ]);
  });

  it('tell who shared the link, and who went the other way, for how long', () => {
    const alone = aRecord({ endedAgo: 1000 });
    const first = aRecord({ endedAgo: 100, took: 10 });
    const second = aRecord({ vm: 'v2', endedAgo: 105, took: 10, result: { outcome: 'failed' } });
    const back = aRecord({ vm: 'v2', endedAgo: 1000, took: 5, from: 'h2', to: 'h1' });
    const found = inOneGo(finishedCopies([alone, first, second, back], snapshot, migration));
    const [one, two] = found;
    // The way back meets this one on both of its links.
    expect([one?.sharing, one?.neighbours]).toEqual([1, 2]);
    expect([two?.sharing, two?.neighbours]).toEqual([1.5, 0]);
  });

  it('had the link in common with nobody where the cap for each left it room', () => {
    const records = ['v1', 'v2'].map((vm) => aRecord({ vm, took: 10 }));
    const sharing = (cap: number): readonly number[] => {
      const capped = someMigration({ bandwidth: bytesPerSecond(cap) });
      return inOneGo(finishedCopies(records, snapshot, capped)).map((copy) => copy.sharing);
    };
    expect(sharing(0.5e9)).toEqual([1, 1]);
    // Each could have 1 GB/s, and two of them have 1.25.
    expect(sharing(1e9)).toEqual([1.6, 1.6]);
  });

  it('tell who came over the same uplink, from whichever hosts', () => {
    const behind = (switchId: string, ids: readonly string[]): Host[] =>
      ids.map((id) => aHost({ id, uplink: { id: switchId, bandwidth: bytesPerSecond(1e9) } }));
    const racks = [...behind('a', ['a1', 'a2', 'a3']), ...behind('b', ['b1', 'b2'])];
    const records = [
      aRecord({ from: 'a1', to: 'b1', took: 10 }),
      aRecord({ vm: 'v2', from: 'a2', to: 'b2', took: 10, result: { outcome: 'failed' } }),
      // Stays behind its switch; the other direction is another link.
      aRecord({ vm: 'v2', from: 'a2', to: 'a3', took: 10 }),
      aRecord({ vm: 'v2', from: 'b2', to: 'a3', took: 10, result: { outcome: 'failed' } }),
    ];
    const found = inOneGo(finishedCopies(records, aSnapshot({ hosts: racks, vms }), migration));
    const shown = found.map(({ nominalBandwidth, sharing }) => [nominalBandwidth, sharing]);
    expect(shown).toEqual([
      [1e9, 2],
      [1.25e9, 2],
    ]);
  });
});

describe('experience', () => {
  /** Eight moves over a link that gives 40 % of what it is said to. */
  const slow = Array.from({ length: 8 }, (_none, i) =>
    aRecord({ endedAgo: 1000 * (i + 1), took: 1 + (4 * 2 ** 30) / (0.4 * 1.25e9) }),
  );

  it('comes from the ledger, and is read again only after a move', async () => {
    const events = new EventBus();
    let records: readonly MoveRecord[] = [];
    let reads = 0;
    const ledger = {
      recentMoves: async () => {
        reads += 1;
        return records;
      },
    };
    const experience = new Experience(ledger, events);
    expect(await experience.learned(snapshot, migration)).toBeUndefined();
    records = slow;
    expect(await experience.learned(snapshot, migration)).toBeUndefined();
    expect(reads).toBe(1);

    const { move, vmName, result } = aRecord();
    if (result === undefined) throw new Error('not ended');
    events.emit('move-ended', { move, vmName, result });
    const learned = await experience.learned(snapshot, migration);
    expect(reads).toBe(2);
    if (learned === undefined) throw new Error('nothing was learned');
    expect(realShare(learned, hostId('h1'), hostId('h2'))).toBeCloseTo(0.4, 1);

    // After a restart the same ledger teaches the same.
    const again = await new Experience(ledger, new EventBus()).learned(snapshot, migration);
    expect(again).toEqual(learned);
  });

  it('is learned when the inventory is there, however early it was asked for', async () => {
    const ledger = { recentMoves: async () => slow };
    const experience = new Experience(ledger, new EventBus());
    const none = aSnapshot({ hosts: [], vms: [] });
    expect(await experience.learned(none, migration)).toBeUndefined();
    const hostsOnly = aSnapshot({ hosts, vms: [] });
    expect(await experience.learned(hostsOnly, migration)).toBeUndefined();
    const learned = await experience.learned(snapshot, migration);
    expect(learned?.bandwidth.fleet).toBeCloseTo(0.4, 1);
    // Nothing is learned twice.
    expect(await experience.learned(aSnapshot({ hosts, vms }), migration)).toBe(learned);
  });

  it('is learned anew of what links are said to carry, and may', async () => {
    const ledger = { recentMoves: async () => slow };
    const experience = new Experience(ledger, new EventBus());
    await experience.learned(snapshot, migration);
    const capped = someMigration({ bandwidth: bytesPerSecond(0.5e9) });
    const underCap = await experience.learned(snapshot, capped);
    expect(underCap?.bandwidth.fleet).toBeCloseTo(1, 1);
    const faster = hosts.map((host) => {
      return { ...host, migrationBandwidth: bytesPerSecond(2.5e9) };
    });
    const onFaster = await experience.learned(aSnapshot({ hosts: faster, vms }), migration);
    expect(onFaster?.bandwidth.fleet).toBeCloseTo(0.2, 1);
  });

  it('is learned with pauses, for whoever else waits for a turn', async () => {
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
    };
    const ledger = { recentMoves: async () => slow };
    const learned = await new Experience(ledger, new EventBus(), pause).learned(
      snapshot,
      migration,
    );
    expect(learned).toEqual(
      await new Experience(ledger, new EventBus()).learned(snapshot, migration),
    );
    expect(pauses).toBeGreaterThan(0);
  });

  it('makes the next plan foretell what the link really gives', async () => {
    const ledger = { recentMoves: async () => slow };
    const learned = await new Experience(ledger, new EventBus()).learned(snapshot, migration);
    const request = {
      snapshot: aSnapshot({ hosts, vms: vms.slice(0, 1) }),
      findings: [aFinding('evacuate', { host: 'h1' })],
      limits: someLimits(),
      migration,
      weights: someWeights(),
      seed: 1,
    };
    const naive = plan(request).plan.moves[0]?.predicted.seconds ?? 0;
    const taught = plan({ ...request, learned }).plan.moves[0]?.predicted.seconds ?? 0;
    expect(naive).toBeLessThan(5);
    expect(taught).toBeGreaterThan(8);
    expect(taught).toBeLessThan(12);
  });
});
