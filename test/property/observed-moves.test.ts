// Role: whatever plans, findings, people and restarts do: each wish of mode observe is opened once,
// settled once, and settled with what really happened; and a wish that flickers floods nothing.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { compareText } from '../../src/domain/ids.ts';
import type { SettledMove } from '../../src/domain/observed-move.ts';
import { momentAt, ObservedLife, type ObservedTick } from '../support/observed.ts';

const VMS = ['v1', 'v2', 'v3'] as const;
const HOSTS = ['h1', 'h2', 'h3'] as const;

/** What is another than the tick before. */
interface Step {
  /** Seconds; long ones are restarts. */
  readonly wait: number;
  /** Of each VM: where it is; gone: it is deleted. */
  readonly places: readonly ((typeof HOSTS)[number] | 'gone')[];
  /** Of each VM: where it is wanted. */
  readonly wants: readonly ((typeof HOSTS)[number] | 'nowhere')[];
  readonly holds: boolean;
  readonly isUp: boolean;
  readonly isWhole: boolean;
  /** So many ticks are alike. */
  readonly times: number;
}

const mostly = <Value>(usual: Value, other: Value) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constant(other));

const step: fc.Arbitrary<Step> = fc.record({
  wait: fc.oneof({ weight: 8, arbitrary: fc.constant(60) }, fc.constantFrom(300, 1000, 9000)),
  places: fc.tuple(...VMS.map(() => fc.constantFrom('h1', 'h1', 'h1', 'h1', 'h2', 'h3', 'gone'))),
  wants: fc.tuple(...VMS.map(() => fc.constantFrom('h2', 'h2', 'h3', 'nowhere', 'nowhere'))),
  holds: mostly(true, false),
  isUp: mostly(true, false),
  isWhole: mostly(true, false),
  times: fc.constantFrom(1, 2, 12),
});

function tickOf({ places, wants, holds, isUp, isWhole }: Step, at: number): ObservedTick {
  const there = VMS.flatMap((vm, index) => {
    const host = places[index] ?? 'gone';
    return host === 'gone' ? [] : [{ vm, host, to: wants[index] ?? 'nowhere' }];
  });
  return {
    at,
    vms: Object.fromEntries(there.map(({ vm, host }) => [vm, host])),
    wishes: there
      .filter(({ to, host }) => to !== 'nowhere' && to !== host)
      .map(({ vm, host, to }) => ({ vm, from: host, to })),
    findings: holds ? ['f1'] : [],
    source: isUp ? 'up' : 'down',
    isWhole,
  };
}

/** What it may be settled with by such a tick; empty: it may not. */
function truth({ vm, from, to }: SettledMove, step: Step, tick: ObservedTick): readonly string[] {
  const { vms = {}, wishes = [] } = tick;
  const host = vms[vm];
  if (host === undefined) return step.isUp ? ['deleted'] : [];
  if (host !== from) return [host === to ? 'moved-there' : 'moved-elsewhere'];
  if (!step.isWhole || wishes.some((wish) => wish.vm === vm)) return [];
  if (!step.holds) return ['ended', 'unknown'];
  return [wishes.length > 0 ? 'other-vm' : 'not-planned', 'unknown'];
}

it('settles each with what really happened, once', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const life = new ObservedLife();
      let at = 0;
      for (const one of steps.flatMap((alike) => Array<Step>(alike.times).fill(alike))) {
        at += one.wait;
        const tick = tickOf(one, at);
        const [known, before] = [life.settled.length, life.open.map(({ id }) => id)];
        life.tick(tick);
        for (const move of life.settled.slice(known)) {
          expect(before).toContain(move.id);
          expect(truth(move, one, tick)).toContain(move.end.outcome);
          expect(move.end.host).toBe(tick.vms?.[move.vm]);
        }
        // Every wish is on record, from where its VM is, and no VM has two.
        for (const { vm, from } of tick.wishes ?? [])
          expect(life.open.filter((move) => move.vm === vm)).toMatchObject([{ from, vm }]);
        expect(new Set(life.open.map(({ vm }) => vm)).size).toBe(life.open.length);
        for (const { firstAt, lastAt, lookedAt } of life.open)
          expect([firstAt <= lastAt, lastAt <= lookedAt, lookedAt]).toEqual([
            true,
            true,
            momentAt(at),
          ]);
      }
      const ids = [...life.settled, ...life.open].map(({ id }) => id).toSorted(compareText);
      expect(ids).toEqual(life.opened.map(({ id }) => id).toSorted(compareText));
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

it('opens a wish of a VM that stays once in the hold time at most, however it flickers', () => {
  const flicker = fc.array(fc.record({ isWanted: fc.boolean(), holds: fc.boolean() }), {
    minLength: 20,
    maxLength: 300,
  });
  fc.assert(
    fc.property(flicker, (ticks) => {
      const life = new ObservedLife();
      for (const [index, { isWanted, holds }] of ticks.entries()) {
        const wishes = isWanted ? [{ vm: 'v1', to: 'h2' }] : [];
        life.tick({ at: 60 * index, wishes, findings: holds ? ['f1'] : [] });
      }
      // It is to be unwanted for ten minutes.
      const most = 1 + ticks.length / 10;
      expect(life.opened.length).toBeLessThanOrEqual(most);
    }),
  );
});
