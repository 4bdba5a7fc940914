/**
 * Makes a host clean that was dead and answers again: the definitions of VMs that were restarted
 * elsewhere meanwhile are removed from it, or its next boot would start second copies. A guest that
 * runs is never touched: where a second copy runs already, a human is called.
 */

import type { HostFailureRecord, RestartedVm } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { type HostId, moveId, type SourceId, type VmId } from '../domain/ids.ts';
import type { PolicySet } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Hypervisor, MoveOrder } from '../ports/hypervisor.ts';
import type { Ledger } from '../ports/ledger.ts';
import { callWithin } from './call.ts';
import { isLeaseLost } from './lost-lease.ts';
import { type Looks, whereabouts } from './whereabouts.ts';

const CALL_SECONDS = seconds(60);

export interface ReadmissionParts {
  readonly ledger: Pick<Ledger, 'openMoves'>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly settings: () => Pick<PolicySet, 'migration'>;
  /** Why nothing may be removed from the host; undefined: it may. Asked before each removal. */
  readonly objection: (host: Host) => Promise<string | undefined>;
  /** Told of a VM of which nothing is left to remove from the host. */
  readonly settled: (host: HostId, vm: RestartedVm) => Promise<void>;
}

/** A VM that was restarted elsewhere while `host` was dead. */
interface Guest {
  readonly hypervisor: Hypervisor;
  readonly host: Host;
  /** The whole fleet. */
  readonly hosts: readonly Host[];
  readonly vm: RestartedVm['vm'];
}

export class Readmission {
  readonly #parts: ReadmissionParts;
  readonly #underWay = new Map<HostId, Promise<void>>();
  /** As of the newest call. */
  #moving: ReadonlySet<VmId> = new Set();

  constructor(parts: ReadmissionParts) {
    this.#parts = parts;
  }

  /** Returns at once. What could not be done is tried again at the next call. */
  clean(host: Host, record: HostFailureRecord, snapshot: Snapshot): void {
    this.#moving = new Set(snapshot.inFlight.map(({ vm }) => vm));
    if (record.restarted.length === 0 || this.#underWay.has(host.id)) return;
    const todo = record.restarted.filter(({ vm }) => !this.#moving.has(vm));
    const cleaning = this.#cleanAll(host, todo, snapshot.hosts)
      .catch((error: unknown) => {
        this.#parts.events.emit('failure', { where: `readmission of ${host.name}`, error });
      })
      .finally(() => this.#underWay.delete(host.id));
    this.#underWay.set(host.id, cleaning);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  async #cleanAll(
    host: Host,
    restarted: readonly RestartedVm[],
    hosts: readonly Host[],
  ): Promise<void> {
    const { hypervisors, settled } = this.#parts;
    const hypervisor = hypervisors.get(host.source);
    if (hypervisor === undefined) return;
    for (const one of restarted) {
      const problem = await this.#cleanOne({ hypervisor, host, hosts, vm: one.vm });
      if (problem === undefined) await settled(host.id, one);
      else this.#warn(host, one, problem);
    }
  }

  /** Undefined: nothing of the VM is left on the host that should not be. */
  async #cleanOne(guest: Guest): Promise<string | undefined> {
    const { clock } = this.#parts;
    const { hypervisor, host, vm } = guest;
    const looks = await callWithin(clock, CALL_SECONDS, hypervisor.source, (signal) =>
      hypervisor.locate(vm, signal),
    );
    const elsewhere = looks.sightings.find(
      ({ host: place, state }) => place !== host.id && state === 'running',
    );
    const place = whereabouts(looks, host.id, elsewhere?.host ?? host.id);
    switch (place.kind) {
      case 'source':
        // Its own host has started it again, and elsewhere it is off: that copy is the stale one.
        return looks.blind.length > 0
          ? speaksAgainst(looks, host.id)
          : this.#removeElsewhere(looks, guest);
      case 'down':
        return speaksAgainst(looks, host.id);
      case 'target':
        break;
      case 'twice':
        return `it runs twice, on ${place.hosts.join(' and ')}: stop one of them by hand, at once`;
      case 'arriving':
      case 'elsewhere':
      case 'stopped':
      case 'broken':
      case 'unknown':
        return `its place is not clear (${place.kind})`;
      default:
        return assertNever(place, 'whereabouts');
    }
    return this.#remove(guest, host, elsewhere?.host ?? host.id);
  }

  /** Every definition that is not where it runs, on the host itself. */
  async #removeElsewhere({ sightings }: Looks, guest: Guest): Promise<string | undefined> {
    const { host, hosts } = guest;
    for (const { host: id, state } of sightings) {
      if (id === host.id || state !== 'defined') continue;
      const from = hosts.find((one) => one.id === id);
      if (from === undefined) return `it is defined on ${id}, too, of which nothing is known`;
      const problem = await this.#remove(guest, from, host.id);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async #remove(guest: Guest, from: Host, runsOn: HostId): Promise<string | undefined> {
    const { hypervisor, vm } = guest;
    const objection = await this.#parts.objection(from);
    if (objection !== undefined) return `its definition is not removed while ${objection}`;
    if (await this.#isBeingMoved(vm)) {
      return 'its definition is not removed while it is being moved';
    }
    const order = this.#orderOf(vm, from.id, runsOn);
    try {
      const answer = await callWithin(
        this.#parts.clock,
        CALL_SECONDS,
        hypervisor.source,
        (signal) => hypervisor.commit(order, signal),
      );
      return answer.ok ? undefined : answer.error.detail;
    } catch (error) {
      // Of this VM alone: the others may run where this controller acts.
      if (!isLeaseLost(error)) throw error;
      return `its definition is not removed: ${error.message}`;
    }
  }

  /**
   * Cleaning takes its time, and moves begin meanwhile, another controller's too. The ledger has
   * each of them before anything is done for it.
   */
  async #isBeingMoved(vm: VmId): Promise<boolean> {
    const open = await this.#parts.ledger.openMoves();
    return open.some(({ move }) => move.vm === vm) || this.#moving.has(vm);
  }

  #orderOf(vm: RestartedVm['vm'], from: HostId, to: HostId): MoveOrder {
    return {
      move: moveId(`readmission-${from}`),
      vm,
      from,
      to,
      // Both ends answer, and the guest runs on one of them: as after any move.
      method: 'cold',
      downtimeLimitSeconds: this.#parts.settings().migration.downtimeLimitSeconds,
      bandwidth: undefined,
      autoConverge: false,
      allowPostCopy: false,
    };
  }

  #warn(host: Host, { vm, name }: RestartedVm, problem: string): void {
    const text = `${host.name} is held out: ${name} was restarted elsewhere, and ${problem}`;
    this.#parts.events.emit('warning', { key: `readmission ${host.id} ${vm}`, text });
  }
}

/** Of a VM that runs nowhere: the definition on `host` may be the last, and stays. */
function speaksAgainst({ blind, sightings }: Looks, host: HostId): string | undefined {
  if (blind.length > 0) return `hosts do not answer: ${blind.join()}`;
  const places = new Set(sightings.map((one) => one.host));
  const isHere = places.delete(host);
  if (!isHere || places.size === 0) return undefined;
  // Nothing ties the two together: the next boot, or a person, starts the second one as well.
  return (
    `it is defined on ${[...places].join(' and ')}, too, and does not run there: ` +
    'start it there, or remove one of the two by hand'
  );
}
