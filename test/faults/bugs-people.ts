// Role: planted bugs that only a script can show in which people approve and hand in plans, take
// hosts through rolling maintenance, or have hooks run on them.
import type { Approval } from '../../src/domain/approval.ts';
import type { Order } from '../../src/domain/order.ts';
import { ok } from '../../src/domain/result.ts';
import type { Api } from '../../src/ports/api.ts';
import type { Hypervisor, Inventory } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { PlantedBug } from './bugs.ts';
import type { Script, Step } from './script.ts';

export const BUGS_OF_PEOPLE: readonly PlantedBug[] = [
  {
    name: 'takes what it has shown for approved',
    where: (script) => has(script, ({ kind }) => kind === 'approve'),
    breaks: ['approved'],
    ledger: (port) => ({
      async showPlan(shown) {
        await port.showPlan(shown);
        const { moves, at, expiresAt } = shown;
        await port.giveApprovals(
          moves.map((move): Approval => ({ move, by: 'nobody', at, expiresAt })),
          at,
        );
      },
    }),
  },
  {
    name: 'does not ask in the mode approve',
    where: (script) => has(script, (step) => step.kind === 'mode' && step.mode === 'approve'),
    breaks: ['approved'],
    policy: (text) => text.replace('default: approve', 'default: automatic'),
  },
  {
    name: 'takes a yes to one plan for a yes to all that follow',
    where: (script) => has(script, ({ kind }) => kind === 'approve'),
    from: 300,
    breaks: ['approved'],
    ledger: yesToAll,
  },
  {
    name: 'answers that a plan is cancelled, and goes on with it',
    where: (script) => has(script, ({ kind }) => kind === 'cancel-applied'),
    breaks: ['applied'],
    api: () => ({ cancel: async () => ok({ moves: [], notes: [] }) }),
  },
  {
    name: 'answers that a rolling maintenance is cancelled, and goes on with it',
    where: (script) => isSteered(script, 'cancel'),
    from: 660,
    breaks: ['rolling'],
    api: (port) => unsteered(port, 'cancel'),
  },
  {
    name: 'answers that a rolling maintenance is paused, and goes on with it',
    where: (script) => isSteered(script, 'pause'),
    from: 135,
    breaks: ['rolling'],
    api: (port) => unsteered(port, 'pause'),
  },
  {
    name: 'goes on with a rolling maintenance that has stopped',
    where: isRolling,
    from: 135,
    breaks: ['rolling'],
    ledger: neverHeld,
  },
  {
    name: 'takes the next hosts while those before are out of service',
    where: isRolling,
    from: 270,
    breaks: ['rolling'],
    ledger: impatient,
  },
  {
    name: 'runs a hook while guests are on the host',
    where: isHooked,
    breaks: ['hook'],
    hypervisor: halfBlind,
  },
  {
    name: 'runs a hook as often as it fails',
    where: isHooked,
    breaks: ['hook'],
    hook: () => ({ attempts: 9 }),
  },
  {
    name: 'runs a hook twice at once',
    where: isHooked,
    breaks: ['hook'],
    hook: (hook) => ({
      run: async (call, signal) => {
        const [answer] = await Promise.all([hook.run(call, signal), hook.run(call, signal)]);
        return answer;
      },
    }),
  },
];

function has({ steps }: Script, is: (step: Step) => boolean): boolean {
  return steps.some(is);
}

function isRolling(script: Script): boolean {
  return has(script, ({ kind }) => kind === 'rolling');
}

function isSteered(script: Script, what: 'pause' | 'cancel'): boolean {
  return has(script, (step) => step.kind === 'steer-rolling' && step.what === what);
}

function isHooked(script: Script): boolean {
  return has(script, (step) => step.kind === 'hooked' || (step.kind === 'rolling' && !!step.hook));
}

/** Once somebody has said yes to anything, whatever was shown is approved. */
function yesToAll(port: Ledger): Partial<Ledger> {
  const shown = new Map<string, Approval>();
  let isGiven = false;
  return {
    async showPlan(plan) {
      const { moves, at, expiresAt } = plan;
      for (const move of moves) {
        shown.set(JSON.stringify(move), { move, by: 'nobody', at, expiresAt });
      }
      await port.showPlan(plan);
    },
    async giveApprovals(approvals, now) {
      isGiven = true;
      await port.giveApprovals(approvals, now);
    },
    approvals: async () => (isGiven ? [...shown.values()] : port.approvals()),
  };
}

function unsteered(port: Api, which: 'pause' | 'cancel'): Partial<Api> {
  return {
    async steerRolling(id, what, by) {
      if (what !== which) return port.steerRolling(id, what, by);
      const [first] = await port.rollings();
      return first === undefined ? port.steerRolling(id, what, by) : ok(first);
    },
  };
}

function withoutHold(order: Order): Order {
  if (order.rolling === undefined) return order;
  return { ...order, rolling: { ...order.rolling, heldBy: undefined } };
}

function neverHeld(port: Ledger): Partial<Ledger> {
  return {
    orders: async (all) => (await port.orders(all)).map(withoutHold),
    changeOrder: (id, change) => port.changeOrder(id, (now) => change(withoutHold(now))),
  };
}

/** Those before are told to be over to whoever asks about the turn of the next. */
function impatient(port: Ledger): Partial<Ledger> {
  const isOut = ({ rolling, state }: Order): boolean =>
    rolling !== undefined && (state === 'open' || state === 'returning');
  const apart = (order: Order): Order => (isOut(order) ? { ...order, rolling: undefined } : order);
  return {
    async orders(all) {
      const orders = await port.orders(all);
      if (!all) return orders.map(apart);
      return orders.map((one) => (isOut(one) ? { ...one, state: 'closed' } : one));
    },
    changeOrder: (id, change) =>
      port.changeOrder(id, (now) => {
        const changed = change(apart(now));
        return changed && { ...changed, order: restored(changed.order, now) };
      }),
  };
}

function restored(order: Order, { rolling }: Order): Order {
  return order.rolling === undefined && rolling !== undefined ? { ...order, rolling } : order;
}

/** The last guest of a host is taken for one that is powered off. */
function halfBlind(port: Hypervisor): Partial<Hypervisor> {
  return {
    async inventory(signal): Promise<Inventory> {
      const inventory = await port.inventory(signal);
      const guests = Map.groupBy(inventory.vms, ({ host }) => host);
      const vms = inventory.vms.map((vm) =>
        guests.get(vm.host)?.length === 1 ? { ...vm, powerState: 'off' as const } : vm,
      );
      return { ...inventory, vms };
    },
  };
}
