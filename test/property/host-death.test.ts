// Role: no history of signs, however odd, makes a host dead that may run: whatever came before, at
// the look at which it becomes dead its hypervisor is silent, nothing is a sign of life, and its
// power is off, as it was at the look before, and all that was followed without a gap.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type HostFailureRecord,
  type HostSign,
  SIGN_KINDS,
} from '../../src/domain/host-failure.ts';
import { hostId } from '../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { assessHost } from '../../src/execute/assess-host.ts';

const HELD = 60;
/** Longer ones are gaps: of what was between them nobody knows. */
const FOLLOWED = 150;

/** Mostly silence: what answers all the time never comes near death. */
const verdict = fc.oneof(
  { weight: 6, arbitrary: fc.constant('silent' as const) },
  { weight: 2, arbitrary: fc.constant('unknown' as const) },
  { weight: 1, arbitrary: fc.constant('alive' as const) },
);

const look = fc.record({
  after: fc.integer({ min: 1, max: 200 }),
  signs: fc.tuple(...SIGN_KINDS.map(() => verdict)).map((verdicts) =>
    SIGN_KINDS.map((kind, at): HostSign => {
      return { kind, verdict: verdicts[at] ?? 'unknown', detail: '' };
    }),
  ),
});

function isOff(signs: readonly HostSign[]): boolean {
  return signs.some(({ kind, verdict: said }) => kind === 'power' && said === 'silent');
}

/** Why the host may not be taken for dead at this look; empty: it may. */
function doubts(
  signs: readonly HostSign[],
  last: readonly HostSign[],
  record: HostFailureRecord,
  now: number,
): readonly string[] {
  const alive = signs.filter(({ verdict: said }) => said === 'alive');
  return [
    ...alive.map(({ kind }) => `${kind} says that it lives`),
    ...(isOff(signs) ? [] : ['its power is not off']),
    ...(isOff(last) ? [] : ['its power was not off before']),
    ...(now - (record.confirmedSince ?? now) >= HELD ? [] : ['that has not held']),
  ];
}

/** Every doubt in a history, and how often the host was taken for dead in it. */
function follow(history: readonly { readonly after: number; readonly signs: HostSign[] }[]) {
  const found: string[] = [];
  let before: HostFailureRecord | undefined;
  let last: readonly HostSign[] = [];
  let now = 0;
  let followedSince = 0;
  let deaths = 0;
  for (const { after, signs } of history) {
    now += after;
    if (after > FOLLOWED) followedSince = now;
    const record = assessHost({
      host: hostId('h1'),
      signs,
      before,
      isFollowed: after <= FOLLOWED,
      suspectAfterSeconds: seconds(HELD),
      now: epochSeconds(now),
    });
    if (record?.state === 'dead' && before?.state !== 'dead') {
      deaths += 1;
      found.push(...doubts(signs, last, record, now));
      if (now - followedSince < HELD) found.push('nobody has looked for so long');
    }
    before = record;
    last = signs;
  }
  return { found, deaths };
}

describe('assessHost, on any history', () => {
  it('knows only hosts dead that cannot run', () => {
    let deaths = 0;
    fc.assert(
      fc.property(fc.array(look, { maxLength: 40 }), (history) => {
        const followed = follow(history);
        deaths += followed.deaths;
        expect(followed.found).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    // A property about deaths that saw none would say nothing.
    expect(deaths).toBeGreaterThan(50);
  });
});
