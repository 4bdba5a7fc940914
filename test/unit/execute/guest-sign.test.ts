// Role: which guests are asked about a host that does not answer, and what their answers come to.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { askGuests, guestsToAsk } from '../../../src/execute/guest-sign.ts';
import type { GuestProbe } from '../../../src/ports/guest-probe.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';

const HOST = aHost({ id: 'h1' });
const GUESTS = ['a', 'b', 'c', 'd', 'e'].map((id) => aVm({ id, host: 'h1' }));
const clock = manualClock();

function ask(answer: (guest: string) => ReturnType<GuestProbe['ask']>, covered = 'abcde') {
  const asked: string[] = [];
  const probe: GuestProbe = {
    covers: ({ id }) => covered.includes(id),
    ask: ({ id }) => {
      asked.push(id);
      return answer(id);
    },
  };
  return { asked, sign: askGuests(HOST, GUESTS, { clock, probe, limit: seconds(30) }) };
}

describe('what guests say of their host', () => {
  it('is a sign of life where one of them answers', async () => {
    const { asked, sign } = ask(async (id) => (id === 'd' ? 'answers' : 'silent'), 'bde');
    expect(await sign).toEqual({ kind: 'guests', verdict: 'alive', detail: 'd answers' });
    expect(asked).toEqual(['b', 'd', 'e']);
  });

  it('is nothing where none does, or there is none to ask', async () => {
    const { asked, sign } = ask(async (id) => (id === 'b' ? 'refuses' : 'silent'));
    expect(await sign).toMatchObject({ verdict: 'unknown', detail: '3 asked, none answers' });
    expect(asked).toEqual(['a', 'b', 'c']);
    const nobody = ask(async () => 'answers', '');
    expect(await nobody.sign).toMatchObject({ verdict: 'unknown', detail: 'no guest to ask' });
  });

  it('is waited for no longer than the limit, and a failure is no answer', async () => {
    const never = ask((id) =>
      id === 'a' ? Promise.reject(new Error('broken')) : new Promise(() => undefined),
    );
    expect(await clock.until(never.sign, 31)).toMatchObject({ verdict: 'unknown' });
    const one = ask((id) =>
      id === 'c' ? Promise.resolve('answers') : new Promise(() => undefined),
    );
    expect(await clock.until(one.sign, 31)).toMatchObject({ detail: 'c answers' });
  });
});

describe('who is asked', () => {
  const ids = (...about: Parameters<typeof guestsToAsk>) =>
    guestsToAsk(...about).map(({ id }) => id);

  it('is who runs there, and can run nowhere else', () => {
    const off = aVm({ id: 'off', host: 'h1', powerState: 'off' });
    const other = aVm({ id: 'other', host: 'h2' });
    const leaving = {
      move: moveId('m1'),
      vm: vmId('b'),
      from: hostId('h1'),
      to: hostId('h2'),
      method: 'pre-copy',
      startedAt: epochSeconds(0),
    } as const;
    const snapshot = {
      ...aSnapshot({ hosts: [HOST, aHost({ id: 'h2' })], vms: [...GUESTS, off, other] }),
      inFlight: [leaving],
    };
    expect(ids(HOST, snapshot, undefined)).toEqual(['a', 'c', 'd', 'e']);
    const restarted = [{ vm: vmId('a'), name: 'a' }];
    expect(ids(HOST, snapshot, { restarted })).toEqual(['c', 'd', 'e']);
    expect(ids(HOST, undefined, undefined)).toEqual([]);
  });

  it.each([
    ['running', true],
    ['unknown', true],
    ['off', false],
    ['crashed', false],
    ['paused', false],
  ] as const)('is nobody who cannot answer: %s', (powerState, isAsked) => {
    const vms = [aVm({ id: 'a', host: 'h1', powerState })];
    const snapshot = aSnapshot({ hosts: [HOST], vms });
    expect(ids(HOST, snapshot, undefined)).toEqual(isAsked ? ['a'] : []);
  });
});
