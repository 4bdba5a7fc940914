// Role: bugs to be planted into the daemon, one at a time, to test the judge. Each is planted by
// what stands between the daemon and its ports: it behaves as if the code that uses them had the
// mistake, and no code is changed for it.
import { type HostId, hostId, type MoveId, type VmId } from '../../src/domain/ids.ts';
import type { StageEntry } from '../../src/domain/journal.ts';
import type { Reservation } from '../../src/domain/snapshot.ts';
import type { RefusalCode } from '../../src/domain/refusal.ts';
import { CRITICALITIES } from '../../src/domain/vm.ts';
import type { Api } from '../../src/ports/api.ts';
import type { Fencing } from '../../src/ports/fencing.ts';
import type { Hook } from '../../src/ports/hooks.ts';
import type { Hypervisor, Inventory, MoveOrder, VmFacts } from '../../src/ports/hypervisor.ts';
import type { Leases } from '../../src/ports/leases.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { Invariant } from './invariants.ts';
import type { Rules, Script, Step } from './script.ts';

export interface Bug {
  readonly hypervisor?: (port: Hypervisor, rules: Rules) => Partial<Hypervisor>;
  readonly ledger?: (port: Ledger) => Partial<Ledger>;
  readonly fencing?: (port: Fencing) => Partial<Fencing>;
  readonly leases?: (port: Leases) => Partial<Leases>;
  readonly hook?: (hook: Hook) => Partial<Hook>;
  /** The policy that the daemon reads, in place of what people have written. */
  readonly policy?: (text: string) => string;
  /** What people get to see of the daemon. */
  readonly api?: (api: Api) => Partial<Api>;
  /** The rules that the daemon is told, in place of those that the judge goes by. */
  readonly rules?: Partial<Rules> | ((rules: Rules) => Partial<Rules>);
}

export interface PlantedBug extends Bug {
  readonly name: string;
  /** The scripts in which it could show at all; default: any. */
  readonly where?: (script: Script) => boolean;
  /** The first seed that is tried, of a bug that many do not meet; default: 1. */
  readonly from?: number;
  /** What the judge may call it. */
  readonly breaks: readonly Invariant[];
}

export const BUGS: readonly PlantedBug[] = [
  {
    name: 'starts again when the answer to a start is not a yes',
    breaks: ['start-once'],
    hypervisor: (port) => ({
      async startMove(order, signal) {
        try {
          const answer = await port.startMove(order, signal);
          return answer.ok ? answer : await port.startMove(order, signal);
        } catch {
          return port.startMove(order, signal);
        }
      },
    }),
  },
  {
    name: 'commits as soon as the start was taken',
    breaks: ['commit-seen'],
    hypervisor: (port) => ({
      async startMove(order, signal) {
        const answer = await port.startMove(order, signal);
        await port.commit(order, signal);
        return answer;
      },
    }),
  },
  {
    name: 'undoes after the point of no return',
    breaks: ['no-undo'],
    hypervisor: (port) => ({
      async job(order, signal) {
        const job = await port.job(order, signal);
        if (job.kind === 'ended' && job.ok) await port.cleanUp(order, signal);
        return job;
      },
    }),
  },
  {
    name: 'forgets a reservation',
    // Room that is held for nobody may break a rule before the leak itself is seen.
    breaks: ['reservations', 'rules', 'capacity'],
    // One seed in sixty shows it.
    from: 100,
    ledger: keepReservations,
  },
  {
    name: 'reserves nothing',
    breaks: ['journal-first'],
    ledger: (port) => ({ addStages: (entries) => port.addStages(entries) }),
  },
  {
    name: 'ignores CPU features',
    breaks: ['cpu'],
    hypervisor: (port) => ({
      ...changedVms(port, (vm) => ({ ...vm, cpu: { ...vm.cpu, features: [] } })),
      precheck: () => Promise.resolve([]),
    }),
  },
  { name: 'ignores hard placement rules', breaks: ['rules'], rules: { apart: [], pinned: [] } },
  {
    name: 'ignores memory',
    breaks: ['capacity'],
    hypervisor: (port) => ({
      ...changedVms(port, (vm) => ({ ...vm, memoryBytes: tenth(vm.memoryBytes) })),
      precheck: (order, signal) => heedless(port.precheck(order, signal), 'memory'),
    }),
  },
  {
    name: 'ignores the caps of concurrency',
    breaks: ['caps'],
    rules: { total: 9, perHostIn: 9, perHostOut: 9 },
  },
  {
    name: 'counts its own moves only',
    where: isShared,
    // Two have seldom so much to do at the same time.
    from: 58,
    breaks: ['caps'],
    ledger: (port) => ({ openMove: (record) => port.openMove(record) }),
  },
  {
    name: 'forgets the cool-down',
    from: 47,
    breaks: ['cool-down'],
    ledger: () => ({ lastMovedAt: () => Promise.resolve(new Map()) }),
  },
  {
    name: 'starts before it writes that down',
    breaks: ['journal-first'],
    ledger: (port) => ({
      addStages: async (entries, held) => {
        const isStart = (one: StageEntry): boolean =>
          one.stage === 'pre-copy' && one.phase === 'before';
        await port.addStages(
          entries.filter((one) => !isStart(one)),
          held,
        );
      },
    }),
  },
  {
    name: 'forgets its open moves at a restart',
    breaks: ['liveness', 'caps', 'one-place', 'own-alone'],
    ledger: () => ({ openMoves: () => Promise.resolve([]) }),
  },
  {
    name: 'takes a begun move for one that was never started',
    breaks: ['true-outcome'],
    ledger: (port) => ({
      async move(id) {
        const record = await port.move(id);
        return record && { ...record, stages: [] };
      },
    }),
  },
  {
    name: 'moves while it is paused',
    breaks: ['paused'],
    ledger: () => ({ paused: () => Promise.resolve({ paused: false, by: '' }) }),
  },
  {
    name: 'moves the least important first',
    breaks: ['critical-first'],
    hypervisor: (port) => changedVms(port, reversed),
  },
  {
    name: 'believes every report of an end',
    breaks: ['commit-seen', 'true-outcome'],
    hypervisor: credulous,
  },
  {
    name: 'gives up a move that goes on',
    breaks: ['true-outcome', 'start-once'],
    hypervisor: () => ({ job: () => Promise.resolve({ kind: 'none' }) }),
  },
  {
    name: 'forgets orders',
    // Or the ledger refuses the second order for the same host.
    breaks: ['closed-host', 'liveness', 'no-failure'],
    ledger: () => ({ orders: () => Promise.resolve([]) }),
  },
  {
    name: 'calls what has failed a success afterwards',
    breaks: ['terminal'],
    ledger: (port) => ({
      async closeMove(id, result, line) {
        await port.closeMove(id, result, line);
        if (result.outcome !== 'failed') return;
        await port.closeMove(id, { ...result, outcome: 'succeeded' });
      },
    }),
  },
  {
    name: 'takes leases that others hold',
    where: isShared,
    // Tokens keep them from doing harm: mostly they only keep one another from getting on. Whose
    // VM may be moved is asked of the same board, on which nobody seems to act.
    from: 101,
    breaks: ['lease', 'start-once', 'caps', 'liveness', 'own-leases'],
    leases: (port) => ({
      async leaseBoard() {
        const board = await port.leaseBoard();
        return { ...board, leases: board.leases.map((lease) => ({ ...lease, holder: '' })) };
      },
    }),
  },
  {
    name: 'goes on under a lease that is lost',
    // Where nothing was under way when it was lost, it stands in the way of whoever has it.
    where: isShared,
    breaks: ['lease', 'start-once', 'liveness'],
    leases: (port) => ({
      async renewLeases(by, held, forSeconds) {
        await port.renewLeases(by, held, forSeconds);
        return held;
      },
    }),
    ledger: (port) => ({
      addStages: (entries, held) => port.addStages(entries, held).catch(() => undefined),
    }),
  },
  {
    name: 'forgets the cancels that other controllers were asked for',
    where: (script) => isShared(script) && script.steps.some(({ kind }) => kind === 'cancel'),
    breaks: ['liveness'],
    ledger: () => ({ cancelWishes: () => Promise.resolve([]) }),
  },
  {
    name: 'takes a host whose power was to be cut for one that is off',
    where: isFenced,
    breaks: ['fenced-first', 'one-place'],
    fencing: believed,
  },
  {
    name: 'cuts the power of another host',
    where: isFenced,
    // It may be one that another controller has.
    breaks: ['fencing', 'lease'],
    fencing: (port) => ({
      off: (host, signal) => {
        const id = hostId(host.id === 'h1' ? 'h2' : 'h1');
        return port.off({ id, name: id }, signal);
      },
    }),
  },
  {
    name: 'knows of no VM that it stands on',
    where: isOwned,
    breaks: ['own-alone', 'own-last', 'own-leases', 'own-pre-copy'],
    rules: { own: [] },
  },
  {
    name: 'moves the VM of whoever has leases',
    where: isHandedOver,
    from: 26,
    breaks: ['own-leases'],
    leases: (port) => ({
      async leaseBoard() {
        const board = await port.leaseBoard();
        return { ...board, leases: board.leases.map((one) => ({ ...one, holderName: 'nobody' })) };
      },
    }),
  },
  {
    // Of all others the policy has to say that they may not: bugs-ways.ts.
    name: 'lets a guest that it stands on go on by post-copy',
    where: isOwned,
    breaks: ['own-pre-copy'],
    hypervisor: (port, { own }) => ({
      startMove: (order, signal) => {
        const allowPostCopy = order.allowPostCopy || own.some(({ vm }) => vm === order.vm);
        return port.startMove({ ...order, allowPostCopy }, signal);
      },
    }),
  },
];

function isOwned({ rules }: Script): boolean {
  return rules.own.length > 0;
}

/** Others can stand in for the controller in one of its VMs. */
function isHandedOver({ rules }: Script): boolean {
  return rules.own.some(({ controller }) => controller !== undefined);
}

function isShared({ controllers }: Script): boolean {
  return controllers > 1;
}

/** A host stands still with its power on. */
function isFenced({ rules, steps }: Script): boolean {
  const hangs = (step: Step): boolean =>
    step.kind === 'fault' && step.fault.kind === 'host-crash' && step.fault.hangs === true;
  return rules.restart && steps.some(hangs);
}

/** The port with some of its calls exchanged. */
export function planted<Port extends object>(
  port: Port,
  bug: ((port: Port) => Partial<Port>) | undefined,
): Port {
  if (bug === undefined) return port;
  const changed = bug(port);
  return new Proxy(port, {
    get: (target, name) => Reflect.get(name in changed ? changed : target, name) as unknown,
  });
}

function keepReservations(port: Ledger): Partial<Ledger> {
  const made = new Map<MoveId, Reservation>();
  return {
    async addStages(entries, held) {
      if (held !== undefined) made.set(held.move, held);
      await port.addStages(entries, held);
    },
    async closeMove(id, result, line) {
      await port.closeMove(id, result, line);
      const forgotten = made.get(id);
      if (forgotten !== undefined) await port.addStages([], forgotten);
    },
  };
}

/** What was cut is off: nobody looks, and the device does nothing. */
function believed(port: Fencing): Partial<Fencing> {
  const cut = new Set<HostId>();
  return {
    async off({ id }) {
      cut.add(id);
    },
    status: async (host, signal) => (cut.has(host.id) ? 'off' : port.status(host, signal)),
  };
}

/** What a report says of its end is where the VM is: nobody looks. */
function credulous(port: Hypervisor): Partial<Hypervisor> {
  const ended = new Map<VmId, MoveOrder>();
  return {
    async job(order, signal) {
      const job = await port.job(order, signal);
      if (job.kind === 'ended' && job.ok) ended.set(order.vm, order);
      else ended.delete(order.vm);
      return job;
    },
    async locate(vm, signal) {
      const order = ended.get(vm);
      if (order === undefined) return port.locate(vm, signal);
      return { sightings: [{ host: order.to, state: 'running', persistent: true }], blind: [] };
    },
  };
}

function changedVms(port: Hypervisor, change: (vm: VmFacts) => VmFacts): Partial<Hypervisor> {
  return {
    async inventory(signal): Promise<Inventory> {
      const inventory = await port.inventory(signal);
      return { ...inventory, vms: inventory.vms.map(change) };
    },
  };
}

/** What a hypervisor objects to, but for one thing. */
export async function heedless(
  refusals: ReturnType<Hypervisor['precheck']>,
  of: RefusalCode,
): ReturnType<Hypervisor['precheck']> {
  return (await refusals).filter(({ code }) => code !== of);
}

function tenth(size: VmFacts['memoryBytes']): VmFacts['memoryBytes'] {
  return Math.round(size / 10) as VmFacts['memoryBytes'];
}

function reversed(vm: VmFacts): VmFacts {
  const rank = CRITICALITIES.findIndex((one) => one === (vm.labels['criticality'] ?? 'standard'));
  const criticality = CRITICALITIES.at(-1 - rank) ?? 'standard';
  return { ...vm, labels: { ...vm.labels, criticality } };
}
