// Role: planted bugs that only a script whose policy knows other ways to move a VM can show, or one
// in which VMs are deleted and resized.
import type { VmId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Hypervisor, Inventory, VmFacts } from '../../src/ports/hypervisor.ts';
import type { FaultKind } from '../../src/simulate/fault.ts';
import { heedless, type PlantedBug } from './bugs.ts';
import type { Rules, Script } from './script.ts';

export const BUGS_OF_WAYS: readonly PlantedBug[] = [
  {
    name: 'lets each guest go on by post-copy, as if its policy did',
    where: (script) => hasWays(script) && !isOwned(script),
    breaks: ['ways'],
    hypervisor: (port) => ({
      startMove: (order, signal) => port.startMove({ ...order, allowPostCopy: true }, signal),
    }),
  },
  {
    name: 'switches to post-copy instead of aiming at a longer stop',
    where: (script) => hasWays(script) && !isOwned(script),
    breaks: ['ways'],
    hypervisor: (port) => ({
      steer: (order, _steering, signal) => port.steer(order, { kind: 'post-copy' }, signal),
    }),
  },
  {
    name: 'stops a VM that may only be moved live',
    from: 40,
    where: ({ rules: { ways, restart } }) => ways?.methods.includes('cold') === true && !restart,
    breaks: ['ways'],
    rules: allStoppable,
  },
  {
    name: 'stops each VM that it may stop, however well it could be moved live',
    where: (script) => hasWays(script) && !isOwned(script),
    // Of the others it is forbidden.
    breaks: ['cold-last', 'ways'],
    hypervisor: (port) => ({
      startMove: (order, signal) => port.startMove({ ...order, method: 'cold' }, signal),
    }),
  },
  {
    name: 'takes the load of a guest for a tenth of it',
    where: hasWays,
    breaks: ['load'],
    hypervisor: (port) => ({
      async read(signal) {
        const reading = await port.read(signal);
        const samples = reading.samples.map((one) => ({ ...one, value: one.value / 10 }));
        return { ...reading, samples };
      },
    }),
  },
  {
    name: 'does not see that a VM was resized',
    where: hasWays,
    breaks: ['capacity'],
    from: 160,
    hypervisor: neverResized,
  },
  {
    name: 'goes on with a VM that was deleted',
    where: (script) => hasFault(script, 'delete'),
    breaks: ['gone'],
    hypervisor: neverDeleted,
  },
  {
    name: 'fills a host that its platform keeps empty',
    where: (script) => hasFault(script, 'maintenance-mode'),
    breaks: ['closed-host'],
    hypervisor: (port) => ({
      async inventory(signal): Promise<Inventory> {
        const { hosts, ...rest } = await port.inventory(signal);
        return { ...rest, hosts: hosts.map((host) => ({ ...host, inMaintenanceMode: false })) };
      },
      precheck: (order, signal) => heedless(port.precheck(order, signal), 'quarantined'),
    }),
  },
  {
    name: 'tells nobody that a VM needs a human',
    where: hasWays,
    // One is lost between two hosts.
    from: 540,
    breaks: ['left-down'],
    ledger: (port) => ({
      closeMove: (id, { outcome, ...result }, line) => {
        const told = outcome === 'needs-human' ? 'failed' : outcome;
        return port.closeMove(id, { ...result, outcome: told }, line);
      },
    }),
  },
  {
    name: 'slows a guest down instead of aiming at a longer stop',
    where: (script) => hasWays(script) && !isOwned(script),
    breaks: ['ways'],
    hypervisor: (port) => ({
      steer: (order, _steering, signal) => port.steer(order, { kind: 'auto-converge' }, signal),
    }),
  },
  {
    name: 'aims at longer stops than the policy lets it',
    where: (script) => hasWays(script) && !isOwned(script),
    breaks: ['ways'],
    hypervisor: (port) => ({
      steer: (order, steering, signal) => {
        if (steering.kind !== 'downtime-limit') return port.steer(order, steering, signal);
        return port.steer(order, { ...steering, seconds: seconds(3 * steering.seconds) }, signal);
      },
    }),
  },
];

function hasWays({ rules }: Script): boolean {
  return rules.ways !== undefined;
}

function hasFault({ steps }: Script, kind: FaultKind): boolean {
  return steps.some((step) => step.kind === 'fault' && step.fault.kind === kind);
}

/** What is moved by pre-copy alone is judged by another rule. */
function isOwned({ rules }: Script): boolean {
  return rules.own.length > 0;
}

/** Told to the daemon: whoever may be stopped, it is everybody. */
function allStoppable({ ways }: Rules): Partial<Rules> {
  if (ways === undefined) return {};
  const { stoppable, liveOnly } = ways;
  return { ways: { ...ways, stoppable: [...stoppable, ...liveOnly], liveOnly: [] } };
}

function neverResized(port: Hypervisor): Partial<Hypervisor> {
  const first = new Map<VmId, VmFacts['memoryBytes']>();
  return {
    async inventory(signal) {
      const inventory = await port.inventory(signal);
      const vms = inventory.vms.map((vm) => {
        const memoryBytes = first.get(vm.id) ?? vm.memoryBytes;
        first.set(vm.id, memoryBytes);
        return { ...vm, memoryBytes };
      });
      return { ...inventory, vms };
    },
    precheck: (order, signal) => heedless(port.precheck(order, signal), 'memory'),
  };
}

/** What was once there is there for good, and runs where it was seen last. */
function neverDeleted(port: Hypervisor): Partial<Hypervisor> {
  const known = new Map<VmId, VmFacts>();
  return {
    async inventory(signal) {
      const inventory = await port.inventory(signal);
      for (const vm of inventory.vms) known.set(vm.id, vm);
      const shown = new Set(inventory.vms.map(({ id }) => id));
      const gone = [...known.values()].filter(({ id }) => !shown.has(id));
      return { ...inventory, vms: [...inventory.vms, ...gone] };
    },
    async locate(vm, signal) {
      const looks = await port.locate(vm, signal);
      const host = known.get(vm)?.host;
      if (looks.sightings.length > 0 || host === undefined) return looks;
      return { ...looks, sightings: [{ host, state: 'running', persistent: true }] };
    },
    precheck: (order, signal) => heedless(port.precheck(order, signal), 'power-state'),
  };
}
