/**
 * libvirt as a Drover hypervisor: one source, several hosts, each with its own daemon. A guest is
 * known by its UUID, which is the same wherever it goes. A host that does not answer is reported
 * and does not keep the others from answering.
 */

import { allStatsOf, nodeCpuTimeOf, nodeMemoryOf } from './calls/node.ts';
import type { AdapterDependencies } from '../adapter.ts';
import { noteArrival } from './arrival.ts';
import { Definitions } from './definitions.ts';
import { DirtyRates } from './dirty-rates.ts';
import { answerOf, mergeInventories } from './fleet-inventory.ts';
import { type Kept, LibvirtHost } from './host.ts';
import { LastSeenHosts } from './last-seen.ts';
import { METRIC_GROUPS, Sampler } from './metrics.ts';
import { attempt, decline } from './moves/answers.ts';
import type { Carrier } from './moves/carrier.ts';
import { Mover } from './moves/mover.ts';
import { Restarter } from './moves/restart.ts';
import type { MoveHosts } from './moves/settle.ts';
import { messageOf, toAdapterError } from './native/errors.ts';
import type { Session } from './native/session.ts';
import { hostIdText, type HostOptions, type LibvirtOptions } from './options.ts';
import { precheckMove, precheckRestart } from './precheck.ts';
import { Rates } from './rates.ts';
import type { HypervisorKind } from '../../src/domain/host.ts';
import {
  compareText,
  hostId,
  type HostId,
  type SourceId,
  type VmId,
} from '../../src/domain/ids.ts';
import type { Sample } from '../../src/domain/measured.ts';
import type { Refusal } from '../../src/domain/refusal.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type {
  Hypervisor,
  HypervisorCapabilities,
  Inventory,
  Job,
  MoveOrder,
  Sighting,
  Steering,
} from '../../src/ports/hypervisor.ts';
import { AdapterError, type Attempt, type Reading } from '../../src/ports/metric-source.ts';

/** What libvirt with QEMU can do. */
export const LIBVIRT_CAPABILITIES: HypervisorCapabilities = {
  methods: ['pre-copy', 'post-copy', 'storage', 'cold', 'restart'],
  abort: true,
  progress: true,
  autoConverge: 'at-start',
  downtimeLimit: true,
  bandwidthLimit: true,
  // libvirt 11.3 hung over it, and its daemon crashed: that is for a person to do.
  postCopyRecovery: false,
  precheck: true,
  maintenanceMode: false,
  answersFromCache: false,
};

export class LibvirtHypervisor implements Hypervisor {
  readonly source: SourceId;
  readonly kind: HypervisorKind;
  readonly capabilities: HypervisorCapabilities;
  readonly #options: LibvirtOptions;
  readonly #clock: Clock;
  readonly #hosts: ReadonlyMap<HostId, LibvirtHost>;
  readonly #definitions: Definitions;
  readonly #lastSeen: LastSeenHosts;
  readonly #mover: Mover;
  readonly #restarter: Restarter;
  readonly #sampler: Sampler;
  readonly #rates = new Rates();
  readonly #dirtyRates: DirtyRates;
  #closed = false;

  /** Throws RangeError where two hosts have the same id, or one has none. */
  constructor(options: LibvirtOptions, { source, clock, memory }: AdapterDependencies) {
    this.source = source;
    this.#options = options;
    this.#clock = clock;
    this.kind = options.hosts.every((host) => host.uri.startsWith('xen')) ? 'xen' : 'kvm';
    this.capabilities =
      this.kind === 'kvm' ? LIBVIRT_CAPABILITIES : withoutQemu(LIBVIRT_CAPABILITIES);
    this.#definitions = new Definitions(memory, clock);
    this.#lastSeen = new LastSeenHosts(memory, clock);
    const kept = { hosts: this.#lastSeen, definitions: this.#definitions };
    this.#hosts = this.#makeHosts(options.hosts, kept);
    this.#restarter = new Restarter(this.#definitions);
    this.#mover = new Mover(options, clock);
    this.#sampler = new Sampler(this.#rates, options);
    this.#dirtyRates = new DirtyRates(options.dirtyRate, clock);
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    this.#check(signal);
    await this.#lastSeen.keepOnly(this.#hosts.keys());
    const answers = await Promise.all(this.#all().map((host) => answerOf(host, signal)));
    if (answers.every((answer) => answer.kind === 'silent')) {
      throw this.#unreachable(answers.map((answer) => answer.error).join('; '), signal);
    }
    const inventory = mergeInventories(answers);
    if (answers.every((answer) => answer.kind === 'answered')) {
      // A guest that cannot be read now can be restarted from what it was when it could.
      const unread = answers.flatMap((answer) => answer.inventory.unread.map(({ uuid }) => uuid));
      await this.#definitions.keepOnly(new Set([...inventory.vms.map(({ id }) => id), ...unread]));
    }
    return inventory;
  }

  async read(signal: AbortSignal): Promise<Reading> {
    this.#check(signal);
    const samples: Sample[] = [];
    const problems: string[] = [];
    await Promise.all(
      this.#all().map(async (host) => {
        try {
          samples.push(...(await this.#readHost(host, signal)));
        } catch (error) {
          problems.push(`${host.id}: ${messageOf(error)}`);
        }
      }),
    );
    if (problems.length === this.#hosts.size) throw this.#unreachable(problems.join('; '), signal);
    this.#rates.forgetUnseen();
    const vms = new Set(samples.flatMap(({ entity }) => (entity.kind === 'vm' ? [entity.vm] : [])));
    problems.push(...(await this.#dirtyRates.ask(vms, this.#all())));
    return { samples, health: [], problems: problems.sort(compareText) };
  }

  async locate(
    vm: VmId,
    signal: AbortSignal,
  ): Promise<{ readonly sightings: readonly Sighting[]; readonly blind: readonly HostId[] }> {
    this.#check(signal);
    const sightings: Sighting[] = [];
    const blind: HostId[] = [];
    await Promise.all(
      this.#all().map(async (host) => {
        try {
          const sighting = await host.sight(vm, signal);
          if (sighting !== undefined) sightings.push(sighting);
        } catch {
          blind.push(host.id);
        }
      }),
    );
    return {
      sightings: sightings.sort((a, b) => compareText(a.host, b.host)),
      blind: blind.sort(compareText),
    };
  }

  async precheck(order: MoveOrder, signal: AbortSignal): Promise<readonly Refusal[]> {
    this.#check(signal);
    try {
      const ends = this.#ends(order);
      return order.method === 'restart'
        ? await precheckRestart(order, ends, await this.#definitions.read(order.vm), signal)
        : await precheckMove(order, ends, signal);
    } catch (error) {
      throw toAdapterError(this.source, 'precheck', error);
    }
  }

  startMove(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    if (!this.capabilities.methods.includes(order.method)) {
      return Promise.resolve(decline('unsupported', `libvirt has no method ${order.method}`));
    }
    return this.#order('starting the move', order, signal, (ends) =>
      this.#carrierOf(order).start(order, ends, signal),
    );
  }

  async job(order: MoveOrder, signal: AbortSignal): Promise<Job> {
    this.#check(signal);
    try {
      return await this.#carrierOf(order).job(order, this.#ends(order), signal);
    } catch (error) {
      throw toAdapterError(this.source, 'following the move', error);
    }
  }

  steer(order: MoveOrder, steering: Steering, signal: AbortSignal): Promise<Attempt> {
    return this.#order('steering the move', order, signal, (ends) =>
      this.#carrierOf(order).steer(order, steering, ends, signal),
    );
  }

  abort(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#order('stopping the move', order, signal, (ends) =>
      this.#carrierOf(order).abort(order, ends, signal),
    );
  }

  commit(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#order('committing the move', order, signal, async (ends) => {
      const answer = await this.#carrierOf(order).commit(order, ends, signal);
      if (answer.ok) await noteArrival(order, ends, this.#all(), signal);
      return answer;
    });
  }

  cleanUp(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#order('cleaning up', order, signal, (ends) =>
      this.#carrierOf(order).cleanUp(order, ends, signal),
    );
  }

  setMaintenance(): Promise<Attempt> {
    return Promise.resolve(decline('unsupported', 'libvirt knows no maintenance mode'));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#mover.close();
    await Promise.all(this.#all().map((host) => host.close()));
  }

  #makeHosts(list: readonly HostOptions[], kept: Kept): ReadonlyMap<HostId, LibvirtHost> {
    const hosts = new Map<HostId, LibvirtHost>();
    for (const own of list) {
      const text = hostIdText(own);
      if (text === undefined) {
        throw new RangeError(`${own.uri} names no host: give it an id`);
      }
      const id = hostId(text);
      if (hosts.has(id)) throw new RangeError(`two hosts of ${this.source} have the id ${id}`);
      const { source, kind } = this;
      hosts.set(id, new LibvirtHost({ source, kind, id, own, common: this.#options }, kept));
    }
    return hosts;
  }

  #all(): LibvirtHost[] {
    return [...this.#hosts.values()];
  }

  #carrierOf({ method }: MoveOrder): Carrier {
    return method === 'restart' ? this.#restarter : this.#mover;
  }

  /** Throws AdapterError where one of the two hosts is not of this source. */
  #ends(order: MoveOrder): MoveHosts {
    const [from, to] = [this.#host(order.from), this.#host(order.to)];
    return { from, to, others: this.#all().filter((host) => host !== from && host !== to) };
  }

  #host(id: HostId): LibvirtHost {
    const host = this.#hosts.get(id);
    if (host === undefined) {
      throw new AdapterError('not-found', this.source, `${id} is no host of this source`);
    }
    return host;
  }

  async #order(
    what: string,
    order: MoveOrder,
    signal: AbortSignal,
    carryOut: (ends: MoveHosts) => Promise<Attempt>,
  ): Promise<Attempt> {
    this.#check(signal);
    return attempt(this.source, what, () => carryOut(this.#ends(order)));
  }

  #check(signal: AbortSignal): void {
    if (this.#closed) throw new AdapterError('lost', this.source, 'the adapter was closed');
    if (signal.aborted) throw new AdapterError('timeout', this.source, 'cancelled');
  }

  #unreachable(detail: string, signal: AbortSignal): AdapterError {
    const code = signal.aborted ? 'timeout' : 'unreachable';
    return new AdapterError(code, this.source, `no host answers: ${detail}`);
  }

  #readHost(host: LibvirtHost, signal: AbortSignal): Promise<Sample[]> {
    const reading = async (session: Session): Promise<Sample[]> => {
      const nodeCpu = await nodeCpuTimeOf(session);
      const nodeMemory = await nodeMemoryOf(session);
      const domains = await allStatsOf(session, METRIC_GROUPS);
      const at = this.#clock.now();
      const monotonicSeconds = this.#clock.monotonic();
      const { reservedMemoryBytes } = host.identity.own;
      const node = { nodeCpu, nodeMemory, reservedMemoryBytes };
      return this.#sampler.samples({ host: host.id, domains, ...node, at, monotonicSeconds });
    };
    return host.link.use('statistics', 'reading statistics', reading, signal);
  }
}

/**
 * What libvirt's Xen driver lacks. Source: libvirt's "hypervisor driver feature matrix". No
 * restart: never tried there, and what it risks is a second copy of a guest.
 */
function withoutQemu(capabilities: HypervisorCapabilities): HypervisorCapabilities {
  return {
    ...capabilities,
    methods: ['pre-copy', 'cold'],
    abort: false,
    progress: false,
    autoConverge: 'no',
    downtimeLimit: false,
    bandwidthLimit: false,
    postCopyRecovery: false,
  };
}
