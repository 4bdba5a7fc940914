// Role: how often mode observe writes down what it would have done, and what a restart finds again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ABANDONED_SECONDS, MOST_OPEN } from '../../../src/app/observed-judge.ts';
import { ObservedMoves } from '../../../src/app/observed-moves.ts';
import { vmId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { momentAt, type ObservedTick, sightOf } from '../../support/observed.ts';
import { aPlan } from '../../support/plans.ts';

let ledger: Ledger;
let writes: number;
let now: number;
let steady: number;

beforeEach(async () => {
  ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(0) });
  [writes, now, steady] = [0, 0, 0];
});
afterEach(() => ledger.close());

const events = new EventBus();

function aLife(): ObservedMoves {
  return new ObservedMoves({
    ledger: {
      openObserved: () => ledger.openObserved(),
      putObserved: (changes) => {
        writes += 1;
        return ledger.putObserved(changes);
      },
    },
    clock: { now: () => momentAt(now), monotonic: () => seconds(steady) },
    events,
    everySeconds: seconds(60),
  });
}

async function ticks(life: ObservedMoves, until: number, tick: Omit<ObservedTick, 'at'>) {
  const report = { refusals: {}, unresolved: [], notes: [] };
  const stats = { hosts: 3, vms: 1, evaluatedMoves: 0, seed: 1, stepsGranted: 0, stepsUsed: 0 };
  for (; now <= until; now += 60) {
    const { moves, ...sight } = sightOf({ ...tick, at: now }, []);
    const result = { plan: aPlan(moves), report: { ...report, stats } };
    await life.judge({ ...sight, result, reach: { hosts: sight.hosts } });
  }
}

const WISH = { wishes: [{ vm: 'v1', to: 'h2' }] };

describe('what would have been done', () => {
  it('is written when it begins and ends, and now and then in between', async () => {
    const life = aLife();
    await ticks(life, 7200, WISH);
    expect(writes).toBe(1 + 7200 / 300);
    const [open] = await ledger.openObserved();
    expect(open?.lastAt).toBe(momentAt(7200));
    await ticks(life, 9000, { findings: [] });
    expect(await ledger.openObserved()).toEqual([]);
    expect(await ledger.settledObserved(epochSeconds(0), 9)).toMatchObject([
      { lastAt: momentAt(7200), end: { outcome: 'ended', at: momentAt(7260) } },
    ]);
    expect((await ledger.history({ limit: 99 })).map(({ vm }) => vm)).toEqual(['v1', 'v1']);
    const before = writes;
    await ticks(life, 18_000, { findings: [] });
    expect(writes).toBe(before);
  });

  it('is found again by the next life: a short restart is no gap in it', async () => {
    await ticks(aLife(), 7080, WISH);
    now += 240;
    await ticks(aLife(), 9000, { findings: [] });
    const [over] = await ledger.settledObserved(epochSeconds(0), 9);
    expect(over).toMatchObject({ firstAt: momentAt(0), end: { outcome: 'ended' } });
    expect(over?.unseenSeconds).toBeUndefined();
  });

  it('is settled where another one has not looked for a week, by no wall clock', async () => {
    const [ada, bob] = [aLife(), aLife()];
    const bobs = { vms: {}, hosts: ['h2'] };
    const bobLooks = async () => {
      const adas = now;
      now += 30 * 86_400;
      await ticks(bob, now, bobs);
      now = adas + 60;
    };
    await ticks(ada, 0, WISH);
    await bobLooks();
    steady = ABANDONED_SECONDS - 1;
    // Ada looks now and then.
    await ticks(ada, now + 600, WISH);
    await bobLooks();
    steady += ABANDONED_SECONDS - 1;
    await bobLooks();
    expect(await ledger.settledObserved(epochSeconds(0), 9)).toEqual([]);
    steady += 1;
    await bobLooks();
    const over = await ledger.settledObserved(epochSeconds(0), 9);
    expect(over).toMatchObject([{ end: { outcome: 'unknown' } }]);
  });

  it('warns where it is too much to be kept', async () => {
    const warned: string[] = [];
    const off = events.on('warning', ({ text }) => warned.push(text));
    await ticks(aLife(), 0, WISH);
    const [open] = await ledger.openObserved();
    if (open === undefined) throw new Error('nothing is open');
    const many = Array.from({ length: MOST_OPEN }, (_none, at) => {
      return { ...open, id: `${at}`, vm: vmId(`o${at}`) };
    });
    const full = new ObservedMoves({
      ledger: { openObserved: async () => many, putObserved: async () => undefined },
      clock: { now: () => momentAt(60), monotonic: () => seconds(0) },
      events,
      everySeconds: seconds(60),
    });
    now = 60;
    await ticks(full, 60, { ...WISH, source: 'down' });
    off();
    expect(warned).toEqual([expect.stringContaining('what becomes of 1 more is not kept')]);
  });
});
