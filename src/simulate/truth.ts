/**
 * What really is, for tests and for the summary of a demonstration: read from the world itself and
 * never through the adapter that is being judged.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import { seconds, type Seconds } from '../domain/units.ts';
import type { DoubleRun, Outage } from './copies.ts';
import type { EndedMigration } from './migration-phases.ts';
import type { World } from './world.ts';

export interface Whereabouts {
  readonly runningOn: readonly HostId[];
  /** Hosts that would start it when they boot. */
  readonly definedOn: readonly HostId[];
  /** How often the guest has booted: a live move does not change it. */
  readonly boots: number;
}

export class Truth {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  whereabouts(vm: VmId): Whereabouts {
    this.#world.time();
    const { copies } = this.#world;
    const definedOn = copies.of(vm).filter(({ copy }) => copy.persistent);
    return {
      runningOn: copies.runningOn(vm),
      definedOn: definedOn.map(({ host }) => host),
      boots: copies.boots(vm),
    };
  }

  /** Guests of which no copy runs although they should, sorted by id. */
  down(): readonly VmId[] {
    this.#world.time();
    return [...this.#world.vms]
      .filter(([vm, { facts }]) => {
        return facts.powerState === 'running' && this.#world.copies.runningOn(vm).length === 0;
      })
      .map(([vm]) => vm);
  }

  /** Every time that two copies of a guest ran at once. Must stay empty. */
  doubleRuns(): readonly DoubleRun[] {
    this.#world.time();
    return this.#world.copies.doubleRuns();
  }

  /** Every time that a guest stood still: switchovers, cold moves, crashes. */
  outages(): readonly Outage[] {
    this.#world.time();
    return this.#world.copies.outages();
  }

  /** How long the guest stood still in all. */
  downtime(vm: VmId): Seconds {
    const now = this.#world.time();
    const own = this.outages().filter((outage) => outage.vm === vm);
    return seconds(own.reduce((sum, { from, until }) => sum + (until ?? now) - from, 0));
  }

  /** Every migration that has ended, as it really went. */
  migrations(): readonly EndedMigration[] {
    this.#world.time();
    return this.#world.engine.history();
  }

  /** Threads busy over threads there, 0..1, at this moment. */
  cpuUtilisation(host: HostId): number {
    const now = this.#world.time();
    const { facts } = this.#world.host(host);
    return this.#world.meter.use(facts, now).busyThreads / facts.cpu.threads;
  }
}
