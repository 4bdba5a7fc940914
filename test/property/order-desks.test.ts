// Role: two controllers that change the same orders at the same time, in every interleaving of
// their calls to the ledger: no change of one undoes what the other has written.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { OrderDesk } from '../../src/app/order-desk.ts';
import { hostId } from '../../src/domain/ids.ts';
import type { Order } from '../../src/domain/order.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { EventBus } from '../../src/observe/event-bus.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { manualClock } from '../support/manual-clock.ts';

const H1 = { id: hostId('h1'), name: 'node-a' };
const world = aSnapshot({ hosts: [aHost({ id: 'h1' })], vms: [aVm({ id: 'v1', host: 'h1' })] });
const STATES: readonly Order['state'][] = ['waiting', 'open', 'returning', 'closed'];

/** Every call to the ledger, and every answer, waits for its turn. */
function delayed(ledger: Ledger, turn: <T>(answer: Promise<T>) => Promise<T>): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...parts: unknown[]): Promise<unknown> => {
        await turn(Promise.resolve());
        return turn(Promise.resolve(member.apply(target, parts)));
      };
    },
  });
}

const OPS = ['evacuate', 'maintenance', 'return', 'note', 'progress', 'close'] as const;
type Op = (typeof OPS)[number];

async function act(desk: OrderDesk, ledger: Ledger, op: Op): Promise<void> {
  switch (op) {
    case 'evacuate':
    case 'maintenance': {
      const about = { host: H1.id, reason: 'smoke', dedupeKey: '', deadlineSeconds: null };
      await desk.give({ kind: op, by: { kind: 'operator', name: 'olga' }, ...about }, world);
      return;
    }
    case 'return':
      await desk.returnHost(H1, 'anna');
      return;
    case 'note':
      for (const { id } of await ledger.orders(false))
        await desk.note(id, () => ({ deadlineTold: 'late' }));
      return;
    case 'progress':
      for (const order of await ledger.orders(false)) {
        const progress = { released: [], isTried: true };
        await desk.update(order, { ...order, progress });
      }
      return;
    case 'close':
      await desk.closeReturned(await ledger.orders(false));
      return;
    default:
      return op satisfies never;
  }
}

it('never take an order back to where it was before', async () => {
  const ops = fc.array(fc.constantFrom(...OPS), { minLength: 1, maxLength: 5 });
  const property = fc.asyncProperty(fc.scheduler(), ops, ops, async (scheduler, first, second) => {
    const clock = manualClock(5000);
    const ledger = await openSqliteLedger({ file: ':memory:', clock });
    let ids = 0;
    const newId = (): string => `order-${(ids += 1)}`;
    const turn = <T>(answer: Promise<T>): Promise<T> => scheduler.schedule(answer);
    const controllers = [first, second].map(async (own) => {
      const shared = delayed(ledger, turn);
      const desk = new OrderDesk({ ledger: shared, clock, events: new EventBus(), newId });
      for (const op of own) await act(desk, shared, op);
    });
    await scheduler.waitFor(Promise.all(controllers));
    expect(await stepsBack(ledger)).toEqual([]);
    const open = (await ledger.orders(false)).filter(({ state }) => state === 'open');
    expect(open.length).toBeLessThanOrEqual(1);
    await ledger.close();
  });
  await fc.assert(property, { numRuns: 60 });
});

/** Changes that undo an earlier one, by the audit trail. */
async function stepsBack(ledger: Ledger): Promise<readonly string[]> {
  const wrongs: string[] = [];
  const before = new Map<string, Order>();
  for (const { kind, body } of await ledger.audit(0, 10_000)) {
    if (kind !== 'order') continue;
    const order = JSON.parse(body) as Order;
    const known = before.get(order.id);
    before.set(order.id, order);
    if (known === undefined) continue;
    const [from, to] = [STATES.indexOf(known.state), STATES.indexOf(order.state)];
    if (to < from) wrongs.push(`${order.id}: ${known.state} to ${order.state}`);
    if (known.kind === 'maintenance' && order.kind !== 'maintenance') wrongs.push('lowered');
    if (known.deadlineTold === 'late' && order.deadlineTold !== 'late') wrongs.push('note lost');
    if (known.progress?.isTried === true && order.progress?.isTried !== true)
      wrongs.push('progress lost');
  }
  return wrongs;
}
