// Role: the fewest places that meet all pairs: the same as by trying all, and known at once for as
// many as a large group has. And what the spread of a group makes of them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { moveId } from '../../../src/domain/ids.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type Pair, fewestMeeting } from '../../../src/plan/rules/fewest-meeting.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { flight } from '../../support/plans.ts';
import { aSpread } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

const PLACES = 8;

function byTryingAll(pairs: readonly Pair[]): number {
  let fewest = PLACES;
  for (let chosen = 0; chosen < 2 ** PLACES; chosen += 1) {
    const has = (place: number): boolean => ((chosen >> place) & 1) === 1;
    if (!pairs.every((pair) => pair.some(has))) continue;
    const count = Array.from({ length: PLACES }, (_, place) => place).filter(has).length;
    fewest = Math.min(fewest, count);
  }
  return fewest;
}

const place = fc.integer({ min: 0, max: PLACES - 1 });
const pairs = fc.array(
  fc.tuple(place, place).filter(([one, other]) => one !== other),
  { maxLength: 14 },
);

describe('the fewest places that meet all pairs', () => {
  it('are those that trying all finds, up to what is asked for', () => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: -2, max: PLACES }), (some, enough) => {
        const expected = Math.max(0, Math.min(enough, byTryingAll(some)));
        expect(fewestMeeting(some, enough)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('are found of a hundred pairs, apart, in a chain, in a ring, or on a few sources', () => {
    const of = (pair: (i: number) => Pair): Pair[] => Array.from({ length: 99 }, (_, i) => pair(i));
    const found = (pair: (i: number) => Pair): number => fewestMeeting(of(pair), 99);
    expect(found((i) => [i, 1000 + i])).toBe(99);
    expect(found((i) => [i, i + 1])).toBe(50);
    expect(found((i) => [i, (i + 1) % 99])).toBe(50);
    expect(found((i) => [i % 7, 1000 + i])).toBe(7);
  });
});

it('a group of which three are in flight is counted exactly, as by the checker', () => {
  const aboard = (vm: string, from: string, to: string) =>
    flight(vm, from, to, { move: moveId(`flight-${vm}`) });
  const homes = { v0: 'b', v1: 'a', v2: 'c', v3: 'e' };
  const open = ['b', 'e'];
  const rule = aSpread('apart', Object.keys(homes), 3, 'host');
  for (const hold of ['always', 'finally'] as const) {
    const snapshot = {
      hosts: ['a', 'b', 'c', 'd', 'e'].map((id) => {
        return aHost({ id, state: open.includes(id) ? 'healthy' : 'draining' });
      }),
      vms: Object.entries(homes).map(([id, host]) => aVm({ id, host })),
      placement: [{ ...rule, hold }],
      // b-c, a-b and c-d: two of four at least, and one where v3 is.
      inFlight: [aboard('v0', 'b', 'c'), aboard('v1', 'a', 'b'), aboard('v2', 'c', 'd')],
    };
    const asked = request(snapshot, [aFinding('evacuate', { host: 'e' })]);
    const made = plan(asked);
    expect(made.plan.moves).toEqual([]);
    expect(check({ ...asked, plan: made.plan })).toEqual([]);
  }
});
