// Role: a VM that ran twice is forgiven where nobody could have known better, and only there.
import { describe, expect, it } from 'vitest';

import type { HostId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import { h, simHost, simVm, v } from '../support/datacenter.ts';
import { aMoveOrder } from '../support/plans.ts';
import { virtualClock } from '../support/virtual-time.ts';
import { DoublesJudge } from './judge-doubles.ts';

const [FROM, TO, DB] = [h('a'), h('b'), v('db')];

/** The VM has moved, nobody has seen to its old definition, and its old host dies and boots. */
async function judged(options: {
  readonly seenAt: number;
  readonly crashAt: number;
  /** Which host answers nobody, from when on (from the start of the move) and until when. */
  readonly cut?: { readonly host: HostId; readonly from?: number; readonly until: number };
}) {
  const clock = virtualClock();
  const hosts = [simHost('a'), simHost('b')];
  const fleet = { seed: 1, hosts, vms: [simVm('db', 'a')], groups: [] };
  const datacenter = new SimulatedDatacenter(fleet, clock);
  const judge = new DoublesJudge(datacenter, clock);
  datacenter.startMove(aMoveOrder({ vm: DB, from: FROM, to: TO }));
  const { host = TO, from = 0, until = 0 } = options.cut ?? {};
  for (let at = 30; at <= options.crashAt; at += 30) {
    if (at - 30 === from && from < until) judge.onCut(host, until - from);
    await clock.advance(seconds(30));
    judge.onLook(at >= options.seenAt);
  }
  expect(datacenter.truth.whereabouts(DB).runningOn).toEqual([TO]);
  datacenter.inject({ kind: 'host-crash', host: FROM, forSeconds: 60 });
  const crashes = [{ host: FROM, at: clock.monotonic() }];
  await clock.advance(seconds(90));
  expect(datacenter.truth.whereabouts(DB).runningOn).toEqual([FROM, TO]);
  const wrongs = judge.wrongs(crashes);
  expect(judge.wrongs(crashes)).toEqual([]);
  return wrongs;
}

/** Long after its arrival, and a controller has been ready all the time. */
const LATE = { seenAt: 0, crashAt: 600 };

describe('a VM that ran twice', () => {
  it.each([
    { seenAt: 0, crashAt: 120, is: 'forgiven: its host died before its arrival had to be seen' },
    { ...LATE, is: 'wrong: there was time to remove its old definition' },
    { seenAt: 900, crashAt: 600, is: 'forgiven: no controller was ready' },
    { seenAt: 540, crashAt: 600, is: 'forgiven: one had just become ready' },
    { seenAt: 300, crashAt: 600, is: 'wrong: one had been ready for minutes' },
    { ...LATE, cut: { host: FROM, until: 900 }, is: 'forgiven: its old host answered nobody' },
    { ...LATE, cut: { host: FROM, until: 540 }, is: 'forgiven: its old host had just come back' },
    { ...LATE, cut: { host: FROM, until: 300 }, is: 'wrong: its old host had come back in time' },
    { ...LATE, cut: { host: TO, until: 900 }, is: 'forgiven: its new host answered nobody' },
    { ...LATE, cut: { host: TO, from: 90, until: 900 }, is: 'forgiven: its new host fell silent' },
    { ...LATE, cut: { host: TO, from: 300, until: 900 }, is: 'wrong: it fell silent too late' },
  ])('seen from $seenAt s on, crash at $crashAt s: $is', async ({ is, ...when }) => {
    const wrongs = is.startsWith('wrong') ? ['db ran twice, on a and b'] : [];
    expect(await judged(when)).toEqual(wrongs);
  });
});
