// Role: the smallest hypervisor that keeps the promises of the port, in memory, on a clock that
// the test holds. Every call can be made to fail by a script, before or after it took effect; the
// truth about every VM can be asked at any time, without the port.
import { type HostId, hostId, sourceId, vmId, type VmId } from '../../src/domain/ids.ts';
import type { MoveProgress } from '../../src/domain/events.ts';
import { fail, ok } from '../../src/domain/result.ts';
import { bytes, GIB, ratio, seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type {
  Hypervisor,
  HypervisorCapabilities,
  Job,
  MoveOrder,
  Sighting,
} from '../../src/ports/hypervisor.ts';
import { AdapterError, type Attempt } from '../../src/ports/metric-source.ts';

export const SOURCE = sourceId('lab');

export interface ScriptedVm {
  runsOn: HostId[];
  readonly definedOn: Set<HostId>;
  /** A paused guest that receives, or what a failed attempt left behind. */
  readonly incomingOn: Set<HostId>;
}

interface Migration {
  readonly order: MoveOrder;
  readonly startedAt: number;
  readonly endsAt: number;
  phase: MoveProgress['phase'];
  result: { readonly ok: boolean; readonly detail: string } | undefined;
}

/**
 * What goes wrong with a call: it never arrives, its answer is lost, it is declined, it hangs, or
 * it seems lost and takes effect two seconds later.
 */
export type Fault = 'lost-call' | 'lost-answer' | 'declined' | 'hangs' | 'late';

export interface ScriptedOptions {
  readonly clock: Clock;
  /** How long a migration takes; infinity: it never converges. Default 20 s. */
  readonly seconds?: number;
  /** The migration ends by itself without success. */
  readonly breaks?: boolean;
  readonly capabilities?: Partial<HypervisorCapabilities>;
  /** Asked before each call, with its number (from 0) and name. */
  readonly fault?: (call: number, name: string) => Fault | undefined;
}

export class ScriptedHypervisor implements Hypervisor {
  readonly source = SOURCE;
  readonly kind = 'simulated';
  readonly capabilities: HypervisorCapabilities;
  readonly vms = new Map<VmId, ScriptedVm>();
  /** Every migration that was really started, by the order's move. */
  readonly started: string[] = [];
  readonly calls: string[] = [];
  readonly blind = new Set<HostId>();
  fault: NonNullable<ScriptedOptions['fault']>;
  /** How long migrations take that are started from now on. */
  duration: number;
  breaks: boolean;
  readonly #clock: Clock;
  readonly #migrations = new Map<VmId, Migration>();

  constructor(options: ScriptedOptions) {
    this.#clock = options.clock;
    this.duration = options.seconds ?? 20;
    this.breaks = options.breaks ?? false;
    this.fault = options.fault ?? (() => undefined);
    this.capabilities = {
      methods: ['pre-copy', 'post-copy', 'cold'],
      abort: true,
      progress: true,
      autoConverge: 'any-time',
      downtimeLimit: true,
      bandwidthLimit: true,
      postCopyRecovery: false,
      precheck: true,
      maintenanceMode: true,
      answersFromCache: true,
      ...options.capabilities,
    };
  }

  place(vm: string, host: string): void {
    const on = hostId(host);
    this.vms.set(vmId(vm), { runsOn: [on], definedOn: new Set([on]), incomingOn: new Set() });
  }

  /** The truth, now: not a call. */
  truth(vm: string): ScriptedVm {
    this.#advance();
    return this.#vm(vmId(vm));
  }

  /** Ends the VM's migration, if one is under way, at once. */
  finish(vm: string): void {
    const migration = this.#migrations.get(vmId(vm));
    if (migration !== undefined) this.#end(migration, true, '');
  }

  inventory(): ReturnType<Hypervisor['inventory']> {
    return Promise.resolve({ hosts: [], vms: [], storages: [], networks: [], problems: [] });
  }

  read(): ReturnType<Hypervisor['read']> {
    return Promise.resolve({ samples: [], health: [], problems: [] });
  }

  locate(vm: VmId): ReturnType<Hypervisor['locate']> {
    return this.#call('locate', () => {
      const { runsOn, definedOn, incomingOn } = this.#vm(vm);
      const isPostCopy = this.#active(vm)?.phase === 'post-copy';
      const sightings: Sighting[] = runsOn.map((host) => {
        return {
          host,
          state: isPostCopy ? 'post-copy' : 'running',
          persistent: definedOn.has(host),
        };
      });
      for (const host of incomingOn) sightings.push({ host, state: 'incoming', persistent: false });
      for (const host of definedOn) {
        const isListed = sightings.some((sighting) => sighting.host === host);
        if (!isListed) sightings.push({ host, state: 'defined', persistent: true });
      }
      const seen = sightings.filter((sighting) => !this.blind.has(sighting.host));
      return { sightings: seen, blind: [...this.blind] };
    });
  }

  precheck(): ReturnType<Hypervisor['precheck']> {
    return this.#call('precheck', () => []);
  }

  startMove(order: MoveOrder): Promise<Attempt> {
    return this.#attempt('startMove', () => {
      const vm = this.#vm(order.vm);
      const active = this.#active(order.vm);
      if (active !== undefined) {
        const isSame = active.order.from === order.from && active.order.to === order.to;
        return isSame ? ok(undefined) : fail({ code: 'locked', detail: 'it is being moved' });
      }
      if (!vm.runsOn.includes(order.from)) {
        return fail({ code: 'refused', detail: `it does not run on ${order.from}` });
      }
      const startedAt = this.#clock.monotonic();
      const endsAt = startedAt + this.duration;
      const phase = order.method === 'cold' ? 'cold' : 'pre-copy';
      this.#migrations.set(order.vm, { order, startedAt, endsAt, phase, result: undefined });
      this.started.push(order.move);
      vm.incomingOn.add(order.to);
      return ok(undefined);
    });
  }

  job(order: MoveOrder): Promise<Job> {
    return this.#call('job', (): Job => {
      const migration = this.#migrations.get(order.vm);
      if (migration === undefined || migration.order.move !== order.move) return { kind: 'none' };
      if (migration.result === undefined) {
        return { kind: 'running', progress: this.#progress(migration) };
      }
      const downtimeSeconds = migration.result.ok ? seconds(0.2) : undefined;
      return { kind: 'ended', ...migration.result, downtimeSeconds, bytes: bytes(5 * GIB) };
    });
  }

  steer(order: MoveOrder, steering: Parameters<Hypervisor['steer']>[1]): Promise<Attempt> {
    return this.#attempt('steer', () => {
      const migration = this.#active(order.vm);
      if (migration === undefined) return fail({ code: 'refused', detail: 'nothing is under way' });
      if (steering.kind === 'post-copy') {
        if (!order.allowPostCopy) return fail({ code: 'refused', detail: 'not allowed' });
        migration.phase = 'post-copy';
        const vm = this.#vm(order.vm);
        vm.runsOn = [order.to];
        vm.incomingOn.delete(order.to);
      }
      return ok(undefined);
    });
  }

  abort(order: MoveOrder): Promise<Attempt> {
    return this.#attempt('abort', () => {
      const migration = this.#active(order.vm);
      if (migration === undefined) {
        const isHome = this.#vm(order.vm).runsOn.includes(order.from);
        return isHome ? ok(undefined) : fail({ code: 'refused', detail: 'it has arrived' });
      }
      if (migration.phase === 'post-copy') return fail({ code: 'refused', detail: 'no way back' });
      this.#end(migration, false, 'aborted');
      return ok(undefined);
    });
  }

  commit(order: MoveOrder): Promise<Attempt> {
    return this.#attempt('commit', () => {
      const vm = this.#vm(order.vm);
      if (!vm.runsOn.includes(order.to)) return fail({ code: 'refused', detail: 'not arrived' });
      vm.definedOn.add(order.to);
      vm.definedOn.delete(order.from);
      return ok(undefined);
    });
  }

  cleanUp(order: MoveOrder): Promise<Attempt> {
    return this.#attempt('cleanUp', () => {
      const vm = this.#vm(order.vm);
      if (vm.runsOn.includes(order.to)) return fail({ code: 'refused', detail: 'it runs there' });
      if (this.#active(order.vm) !== undefined) return fail({ code: 'locked', detail: 'moving' });
      if (this.blind.has(order.to) && order.targetIsOff !== true) {
        throw new AdapterError('unreachable', SOURCE, `${order.to} does not answer`);
      }
      vm.incomingOn.delete(order.to);
      if (order.begunAs !== undefined && vm.definedOn.has(order.to)) {
        return fail({ code: 'refused', detail: 'it may be defined there alone' });
      }
      vm.definedOn.delete(order.to);
      if (order.method === 'cold' && vm.runsOn.length === 0) vm.runsOn = [order.from];
      return ok(undefined);
    });
  }

  setMaintenance(): Promise<Attempt> {
    return this.#attempt('setMaintenance', () => ok(undefined));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #vm(vm: VmId): ScriptedVm {
    const found = this.vms.get(vm);
    if (found === undefined) throw new AdapterError('not-found', SOURCE, `no VM ${vm}`);
    return found;
  }

  #active(vm: VmId): Migration | undefined {
    this.#advance();
    const migration = this.#migrations.get(vm);
    return migration?.result === undefined ? migration : undefined;
  }

  #progress(migration: Migration): MoveProgress {
    const elapsed = this.#clock.monotonic() - migration.startedAt;
    const done = Number.isFinite(this.duration) ? Math.min(1, elapsed / this.duration) : 0.9;
    return {
      phase: migration.phase,
      elapsedSeconds: seconds(elapsed),
      done: ratio(done),
      bytesSent: bytes(4 * GIB * done),
      bytesRemaining: bytes(4 * GIB * (1 - done)),
      dirtyRate: 1e8,
      bandwidth: 1e9,
      iteration: 2,
    };
  }

  #advance(): void {
    for (const migration of this.#migrations.values()) {
      const isDue = this.#clock.monotonic() >= migration.endsAt;
      if (migration.result === undefined && isDue) this.#end(migration, !this.breaks, 'broke off');
    }
  }

  #end(migration: Migration, isGood: boolean, detail: string): void {
    const { order } = migration;
    const vm = this.#vm(order.vm);
    if (isGood) {
      vm.runsOn = [order.to];
      vm.incomingOn.delete(order.to);
    }
    migration.result = { ok: isGood, detail: isGood ? '' : detail };
  }

  #attempt(name: string, effect: () => Attempt): Promise<Attempt> {
    return this.#call(name, effect, fail({ code: 'refused', detail: 'as scripted' }));
  }

  /** `refusal`: what a declined call answers; calls without one throw instead. */
  async #call<Value>(name: string, effect: () => Value, refusal?: Value): Promise<Value> {
    const fault = this.fault(this.calls.length, name);
    this.calls.push(name);
    await Promise.resolve();
    this.#advance();
    if (fault === 'hangs') return new Promise<Value>(() => undefined);
    if (fault === 'lost-call') throw new AdapterError('lost', SOURCE, `${name} did not arrive`);
    if (fault === 'declined') {
      if (refusal === undefined) throw new AdapterError('refused', SOURCE, `${name} is declined`);
      return refusal;
    }
    if (fault === 'late') {
      void this.#clock.sleep(seconds(2)).then(effect);
      throw new AdapterError('lost', SOURCE, `${name} seemed lost`);
    }
    const value = effect();
    if (fault === 'lost-answer') throw new AdapterError('lost', SOURCE, `no answer to ${name}`);
    return value;
  }
}
