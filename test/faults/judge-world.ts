// Role: what the judge knows of the fleet, and its own idea of what fits where. It is written from
// the rules of the house (DESIGN.md §2, §4) and shares no code with planner, checker or executor.
import { type ClusterId, clusterId, type HostId, type VmId } from '../../src/domain/ids.ts';
import type { Bytes } from '../../src/domain/units.ts';
import { CRITICALITIES } from '../../src/domain/vm.ts';
import type { HostFacts, Inventory, MoveOrder, VmFacts } from '../../src/ports/hypervisor.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { Rules } from './script.ts';

/** What others do shows in the next poll, and counts from the next tick on; some are late. */
const TO_BE_KNOWN_SECONDS = 180;

interface Seen {
  readonly host: HostId;
  readonly since: number;
}

export class JudgeWorld {
  readonly hosts: ReadonlyMap<HostId, HostFacts>;
  readonly rules: Rules;
  readonly #datacenter: SimulatedDatacenter;
  readonly #clock: Clock;
  /** Where the inventories that the daemon was given show each VM, and since when. */
  readonly #seen = new Map<VmId, Seen>();
  readonly #vms: Map<VmId, VmFacts>;
  /** What VMs were before somebody has resized them, and until when that was so. */
  readonly #former: { readonly vm: VmId; readonly bytes: number; readonly until: number }[] = [];
  readonly #deletedAt = new Map<VmId, number>();
  /** Hosts that the inventories show in the maintenance mode of their platform, and since when. */
  readonly #shutSince = new Map<HostId, number>();
  /** Where moves of ours took it; whoever did that need not be told. */
  readonly #brought = new Map<VmId, HostId>();

  constructor(datacenter: SimulatedDatacenter, clock: Clock, rules: Rules) {
    this.#datacenter = datacenter;
    this.#clock = clock;
    this.rules = rules;
    this.hosts = new Map(datacenter.fleet.hosts.map((host) => [host.id, host]));
    this.#vms = new Map(datacenter.fleet.vms.map(({ facts }) => [facts.id, facts]));
  }

  /** As they are by now. */
  get vms(): ReadonlyMap<VmId, VmFacts> {
    return this.#vms;
  }

  /** What is leased for a host; of one without a cluster, all that its source manages. */
  cluster(host: HostId): ClusterId {
    const facts = this.hosts.get(host);
    return facts?.cluster ?? clusterId(facts?.source ?? '');
  }

  onInventory({ hosts, vms }: Inventory): void {
    const now = this.#clock.monotonic();
    for (const { id, inMaintenanceMode } of hosts) {
      if (inMaintenanceMode === false) this.#shutSince.delete(id);
      else if (inMaintenanceMode === true && !this.#shutSince.has(id)) this.#shutSince.set(id, now);
    }
    for (const { id, host } of vms) {
      if (this.#seen.get(id)?.host !== host) this.#seen.set(id, { host, since: now });
    }
  }

  /** A move of ours has ended well. */
  onBrought(vm: VmId, to: HostId): void {
    this.#brought.set(vm, to);
    // Seen there as well: whoever takes it back to where it was has to be seen anew.
    this.#seen.set(vm, { host: to, since: this.#clock.monotonic() });
  }

  /** Somebody else has moved it. */
  onDrift(vm: VmId): void {
    this.#brought.delete(vm);
  }

  /** Somebody else gives it that much memory. */
  onResize(vm: VmId, memoryBytes: Bytes): void {
    const facts = this.#vms.get(vm);
    if (facts === undefined) return;
    const until = this.#clock.monotonic();
    this.#former.push({ vm, bytes: facts.memoryBytes, until });
    this.#vms.set(vm, { ...facts, memoryBytes });
  }

  /** Somebody else deletes it. */
  onDelete(vm: VmId): void {
    this.#deletedAt.set(vm, this.#clock.monotonic());
    this.onDrift(vm);
  }

  /** When it was deleted, by the steady clock; undefined: it was not. */
  deletedAt(vm: VmId): number | undefined {
    return this.#deletedAt.get(vm);
  }

  /** It was deleted, and Drover has had the time to learn it. */
  isKnownGone(vm: VmId): boolean {
    const at = this.#deletedAt.get(vm) ?? Number.POSITIVE_INFINITY;
    return this.#clock.monotonic() - at >= TO_BE_KNOWN_SECONDS;
  }

  /** Its platform takes nothing in, and Drover has had the time to learn it. */
  isKnownShut(host: HostId): boolean {
    const since = this.#shutSince.get(host) ?? Number.POSITIVE_INFINITY;
    if (this.#clock.monotonic() - since < TO_BE_KNOWN_SECONDS) return false;
    // Who has taken it out again need not wait for the next poll.
    const now = this.#datacenter.inventory().hosts.find(({ id }) => id === host);
    return now?.inMaintenanceMode === true;
  }

  /** The memory that it takes, as far as Drover can know: the least that it was lately. */
  #memoryOf({ id, memoryBytes, overheadBytes }: VmFacts): number {
    const since = this.#clock.monotonic() - TO_BE_KNOWN_SECONDS;
    const former = this.#former.filter(({ vm, until }) => vm === id && until >= since);
    return Math.min(memoryBytes, ...former.map(({ bytes }) => bytes)) + overheadBytes;
  }

  runningOn(vm: VmId): readonly HostId[] {
    return this.#datacenter.truth.whereabouts(vm).runningOn;
  }

  /** How important the VM is, by its label; 0 is the most. */
  rank(vm: VmId): number {
    const label = this.vms.get(vm)?.labels['criticality'] ?? 'standard';
    return CRITICALITIES.findIndex((one) => one === label);
  }

  /** Drover stands on it, as the policy says. */
  isOwn(vm: VmId): boolean {
    return this.rules.own.some((entry) => entry.vm === vm);
  }

  isUp(host: HostId): boolean {
    return this.#datacenter.isReachable(host);
  }

  isMigrating(order: MoveOrder): boolean {
    return this.#datacenter.job(order).kind === 'running';
  }

  /** VMs that run on the host or come there by a move of ours, as far as Drover can know. */
  knownOn(host: HostId, coming: ReadonlySet<VmId>, except: VmId): readonly VmFacts[] {
    return [...this.#vms.values()].filter(({ id }) => {
      if (id === except) return false;
      return coming.has(id) || (this.runningOn(id).includes(host) && this.#isKnownOn(id, host));
    });
  }

  #isKnownOn(vm: VmId, host: HostId): boolean {
    if (this.#brought.get(vm) === host) return true;
    const seen = this.#seen.get(vm);
    return seen?.host === host && this.#clock.monotonic() - seen.since >= TO_BE_KNOWN_SECONDS;
  }

  /** Why the VM must not go there, beside what is there already; empty: it may. */
  objections(vm: VmFacts, to: HostId, there: readonly VmFacts[]): readonly Objection[] {
    const host = this.hosts.get(to);
    if (host === undefined) return [{ invariant: 'rules', text: `there is no host ${to}` }];
    const out: Objection[] = [];
    const { totalBytes, reservedBytes } = host.memory;
    const need = [vm, ...there].reduce((sum, one) => sum + this.#memoryOf(one), 0);
    if (need > totalBytes - reservedBytes) {
      out.push({ invariant: 'capacity', text: `${to} would hold more memory than it has` });
    }
    const { apart, pinned, pinnedTo } = this.rules;
    const other = apart.includes(vm.id) && there.find(({ id }) => apart.includes(id));
    if (other) out.push({ invariant: 'rules', text: `${other.id} is to be apart from it` });
    if (pinned.includes(vm.id) && !pinnedTo.includes(to)) {
      out.push({ invariant: 'rules', text: `it may only run on ${pinnedTo.join(', ')}` });
    }
    return out;
  }

  /** What the guest sees and the host cannot give it, for a move that keeps it running. */
  missingFeatures(vm: VmFacts, to: HostId): readonly string[] {
    const cpu = this.hosts.get(to)?.cpu;
    if (cpu === undefined || cpu.vendor !== vm.cpu.vendor) return ['another vendor'];
    const given = new Set(cpu.features);
    return (vm.cpu.features ?? ['unknown']).filter((feature) => !given.has(feature));
  }
}

export interface Objection {
  readonly invariant: 'capacity' | 'rules';
  readonly text: string;
}
