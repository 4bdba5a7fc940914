// Role: a cancel of what cannot be the id of anything is told, and no error of the daemon; one that
// is to withdraw an order does so, also where it is too late for the moves.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cancelMoves, type CancelParts } from '../../../src/app/cancel-moves.ts';
import type { CancelAnswer } from '../../../src/execute/answers.ts';
import { hostId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import type { Order } from '../../../src/domain/order.ts';
import { ok } from '../../../src/domain/result.ts';
import { aHost, aPolicy } from '../../support/fleet.ts';
import { aDecision, aMove, anOrder } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
beforeEach(async () => {
  bench = await daemonOnVirtualTime('55-approve');
});
afterEach(() => bench.stop());

it.each(['\u0000', '', ' web-1 ', 'nobody'])('cancel of %j finds nothing', async (name) => {
  const answer = await bench.daemon.api.cancel({ name: name, by: 'anna', withdraw: false });
  expect(answer).toMatchObject({ ok: false, error: { status: 404, code: 'not-found' } });
});

describe('a cancel that comes too late for every move', () => {
  const H1 = aHost({ id: 'h1' });
  const tooLate = { ok: false, error: { status: 409, code: 'too-late' } } as const;

  // oxlint-disable-next-line max-params -- what is cancelled and how, and two things that are so
  async function cancel(
    name: string,
    withdraw: boolean,
    orders: readonly Order[],
    given: CancelAnswer = 'too-late',
  ) {
    const withdrawn: string[] = [];
    const parts = {
      executor: {
        open: [aMove({ vm: vmId('v1'), from: H1.id, to: hostId('h2') })],
        openOf: () => [],
        cancel: async () => given,
      },
      ledger: { orders: async () => orders },
      clock: manualClock(5000),
      limits: () => aPolicy().limits,
      applying: { cancel: async () => false, isNewest: () => false, takeUp: async () => undefined },
      newest: () => undefined,
      findVm: () => undefined,
      findHost: (one: string) => (one === 'h1' ? H1 : undefined),
      withdraw: async (host: string) => {
        withdrawn.push(host);
        return ok({ text: 'h1 returns to service' });
      },
    } as unknown as CancelParts;
    return { answer: await cancelMoves(parts, { name, by: 'bob', withdraw }), withdrawn };
  }

  it.each([
    ['the host, and is to withdraw', 'h1', true],
    ['the order itself', 'o1', false],
  ])('takes the order back where it names %s', async (_what, name, withdraw) => {
    const { answer, withdrawn } = await cancel(name, withdraw, [anOrder('o1', { host: H1.id })]);
    expect(withdrawn).toEqual(['h1']);
    const notes = ['h1 returns to service'];
    expect(answer).toMatchObject({ ok: true, value: { moves: [{ answer: 'too-late' }], notes } });
  });

  it('is told so where nothing is ordered, or the order is to stay', async () => {
    expect((await cancel('h1', true, [])).answer).toMatchObject(tooLate);
    const kept = await cancel('h1', false, [anOrder('o1', { host: H1.id })]);
    expect(kept).toMatchObject({ answer: tooLate, withdrawn: [] });
  });

  it.each([
    ['too-late', /too late, it has arrived/],
    ['ended', /too late, it has ended by itself/],
    ['unknown', /too late, it has ended by itself/],
  ] as const)('tells of one that is %s what has become of it', async (given, text) => {
    const { answer } = await cancel('h1', false, [], given);
    expect(answer).toMatchObject({ ...tooLate, error: { detail: expect.stringMatching(text) } });
  });
});

describe('a cancel of a plan that waits for an approval', () => {
  const { report } = aDecision('any', 0).result;

  async function waiting(): Promise<string> {
    let count = 0;
    bench.planning = async ({ snapshot }) => {
      count += 1;
      const about = { vm: vmId('a1'), from: hostId('h1'), to: hostId('h3') };
      const kind = { tier: 'optional', criticality: 'standard', method: 'pre-copy' } as const;
      const moves = [aMove({ id: moveId(`w${count}`), ...about, ...kind })];
      const objective = { before: 1, after: 0, terms: {} };
      const plan = { id: planId(`p${count}`), snapshotAt: snapshot.takenAt, moves, objective };
      return { result: { plan, report }, violations: [] };
    };
    await bench.pass(120);
    return String(bench.daemon.state?.result?.plan.id);
  }

  it.each([
    ['one after the other', false],
    ['at the same time', true],
  ])('is the same as one where there are two, %s', async (_what, isAtOnce) => {
    const name = await waiting();
    const cancel = () => bench.daemon.api.cancel({ name, by: 'anna', withdraw: false });
    const first = cancel();
    if (!isAtOnce) await first;
    const answers = await Promise.all([first, cancel()]);
    const cancelled = { ok: true, value: { moves: [{ vm: 'a1', answer: 'cancelled' }] } };
    expect(answers).toMatchObject([cancelled, cancelled]);
    expect(answers[1]).toMatchObject({
      value: { moves: [{ text: expect.stringContaining('was cancelled already') }] },
    });
    await bench.pass(60);
    expect(bench.failures).toEqual([]);
  });
});
