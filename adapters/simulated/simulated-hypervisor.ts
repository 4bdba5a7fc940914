/**
 * The `Hypervisor` port over a simulated datacenter. What it adds to the datacenter is what a
 * network adds: every call takes time, half of it before the effect and half after, and may be
 * lost on either way. So whoever is stopped while it waits for an answer can not know whether the
 * order was carried out, here as in reality.
 */

import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { SourceId } from '../../src/domain/ids.ts';
import { seconds, type Seconds } from '../../src/domain/units.ts';
import type { Refusal } from '../../src/domain/refusal.ts';
import { inSlices, type Pause } from '../../src/domain/slices.ts';
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
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { CallName } from '../../src/simulate/fault.ts';
import { chance } from '../../src/simulate/hash.ts';

export const SIMULATED_CAPABILITIES: HypervisorCapabilities = {
  methods: ['pre-copy', 'post-copy', 'cold', 'storage', 'restart'],
  abort: true,
  progress: true,
  autoConverge: 'any-time',
  downtimeLimit: true,
  bandwidthLimit: true,
  postCopyRecovery: true,
  precheck: true,
  maintenanceMode: true,
  answersFromCache: false,
};

export interface SimulatedHypervisorOptions {
  readonly datacenter: SimulatedDatacenter;
  /** The clock that the datacenter was given, too. */
  readonly clock: Clock;
  /** How long an ordinary call takes, on average. */
  readonly latency?: Seconds;
  /** A large datacenter answers in slices; default: in one go, to be repeatable. */
  readonly pause?: Pause;
}

const LATENCY = seconds(0.02);
/** What a call costs whose answer is `late`. */
const LATE_SECONDS = 60;

export class SimulatedHypervisor implements Hypervisor {
  readonly kind = 'simulated';
  readonly capabilities = SIMULATED_CAPABILITIES;
  readonly source: SourceId;
  readonly #datacenter: SimulatedDatacenter;
  readonly #clock: Clock;
  readonly #latency: Seconds;
  readonly #pause: Pause | undefined;
  #calls = 0;
  #isClosed = false;

  constructor({ datacenter, clock, latency, pause }: SimulatedHypervisorOptions) {
    this.#pause = pause;
    this.source = datacenter.source;
    this.#datacenter = datacenter;
    this.#clock = clock;
    this.#latency = latency ?? LATENCY;
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    return this.#call('inventory', signal, () => {
      this.#needAnyHost();
      return inSlices(this.#datacenter.inventoryInSlices(), this.#pause);
    });
  }

  read(signal: AbortSignal): Promise<Reading> {
    return this.#call('read', signal, () => {
      this.#needAnyHost();
      return inSlices(this.#datacenter.readInSlices(), this.#pause);
    });
  }

  locate(
    vm: VmId,
    signal: AbortSignal,
  ): Promise<{ readonly sightings: readonly Sighting[]; readonly blind: readonly HostId[] }> {
    return this.#call('locate', signal, () => this.#datacenter.locate(vm));
  }

  precheck(order: MoveOrder, signal: AbortSignal): Promise<readonly Refusal[]> {
    return this.#call('precheck', signal, () => {
      this.#need(endsOf(order));
      this.#needKnown(order);
      return this.#datacenter.precheck(order);
    });
  }

  startMove(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#call('startMove', signal, () => {
      this.#need(endsOf(order));
      return this.#datacenter.startMove(order);
    });
  }

  job(order: MoveOrder, signal: AbortSignal): Promise<Job> {
    return this.#call('job', signal, () => {
      this.#need([driverOf(order)]);
      return this.#datacenter.job(order);
    });
  }

  steer(order: MoveOrder, steering: Steering, signal: AbortSignal): Promise<Attempt> {
    return this.#call('steer', signal, () => {
      this.#need([driverOf(order)]);
      return this.#datacenter.steer(order, steering);
    });
  }

  abort(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#call('abort', signal, () => {
      this.#need([driverOf(order)]);
      return this.#datacenter.abort(order);
    });
  }

  commit(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#call('commit', signal, () => {
      this.#need([order.to]);
      return this.#datacenter.commit(order);
    });
  }

  cleanUp(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#call('cleanUp', signal, () => {
      this.#need(endsOf(order));
      return this.#datacenter.cleanUp(order);
    });
  }

  setMaintenance(host: HostId, on: boolean, signal: AbortSignal): Promise<Attempt> {
    return this.#call('setMaintenance', signal, () => {
      this.#need([host]);
      return this.#datacenter.setMaintenance(host, on);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #call<Answer>(
    name: CallName,
    signal: AbortSignal,
    act: () => Answer | Promise<Answer>,
  ): Promise<Answer> {
    if (this.#isClosed) throw this.#error('unreachable', `${name}: the connection was closed`);
    const fault = this.#datacenter.takeCallFault(name);
    if (fault?.effect === 'hang') await untilAborted(signal);
    await this.#travel(name, signal, 0);
    if (fault?.effect === 'error') throw this.#error(fault.code, `${name}: injected ${fault.code}`);
    const first = await act();
    const answer = fault?.effect === 'twice' ? await act() : first;
    await this.#travel(name, signal, fault?.effect === 'late' ? LATE_SECONDS : 0);
    if (fault?.effect === 'reply-lost') throw this.#error('lost', `${name}: the answer was lost`);
    return answer;
  }

  /** One way through the network; the caller may lose its patience on it. */
  async #travel(name: CallName, signal: AbortSignal, extra: number): Promise<void> {
    this.#calls += 1;
    const dice = chance(this.#datacenter.fleet.seed, this.#calls);
    const duration = (this.#latency / 2) * (0.5 + dice) + extra;
    if (!signal.aborted) await this.#clock.sleep(seconds(duration), signal);
    if (signal.aborted) throw this.#error('timeout', `${name}: given up`);
  }

  #need(hosts: readonly HostId[]): void {
    for (const host of hosts) {
      // An unknown host is for the datacenter to refuse.
      if (this.#datacenter.hasHost(host) && !this.#datacenter.isReachable(host)) {
        throw this.#error('unreachable', `${host} does not answer`);
      }
    }
  }

  #needKnown({ vm, from, to }: MoveOrder): void {
    if (!this.#datacenter.hasVm(vm)) throw this.#error('not-found', `no such guest: ${vm}`);
    for (const host of [from, to]) {
      if (!this.#datacenter.hasHost(host)) throw this.#error('not-found', `no such host: ${host}`);
    }
  }

  #needAnyHost(): void {
    const { hosts } = this.#datacenter.fleet;
    if (!hosts.some(({ id }) => this.#datacenter.isReachable(id))) {
      throw this.#error('unreachable', 'no host answers');
    }
  }

  #error(code: AdapterError['code'], text: string): AdapterError {
    return new AdapterError(code, this.source, `${this.source}: ${text}`);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The source of a restart is dead. */
function endsOf({ method, from, to }: MoveOrder): readonly HostId[] {
  return method === 'restart' ? [to] : [from, to];
}

/** The source drives a migration and knows how it goes; a restart has only a target. */
function driverOf({ method, from, to }: MoveOrder): HostId {
  return method === 'restart' ? to : from;
}
