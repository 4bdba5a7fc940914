/** The faults that are in force: which, on what, since when, until when. */

import type { HostId, VmId } from '../domain/ids.ts';
import type { CallName, FaultOf, LastingFault } from './fault.ts';
import type { BreakStage } from './fault.ts';

export interface ActiveFault {
  readonly fault: LastingFault;
  readonly from: number;
  readonly until: number;
  /** The guests that a surge has hit. */
  readonly vms: ReadonlySet<VmId>;
}

const NOBODY: ReadonlySet<VmId> = new Set();

export class FaultBoard {
  #active: ActiveFault[] = [];
  #calls: { readonly fault: FaultOf<'call'>; left: number }[] = [];
  #breaks: { readonly vm: VmId | undefined; readonly stage: BreakStage }[] = [];

  add(fault: LastingFault, from: number, vms = NOBODY): void {
    this.#active.push({ fault, from, until: from + fault.forSeconds, vms });
  }

  addCall(fault: FaultOf<'call'>): void {
    this.#calls.push({ fault, left: fault.times });
  }

  addBreak(vm: VmId | undefined, stage: BreakStage): void {
    this.#breaks.push({ vm, stage });
  }

  /** Ends every fault of that kind, of one host or of all. Returns those that were ended. */
  heal(kind: LastingFault['kind'], host?: HostId): readonly ActiveFault[] {
    const isMeant = ({ fault }: ActiveFault): boolean =>
      fault.kind === kind && (host === undefined || ('host' in fault && fault.host === host));
    const healed = this.#active.filter(isMeant);
    this.#active = this.#active.filter((active) => !isMeant(active));
    return healed;
  }

  /** Forgets what is over. */
  expire(now: number): void {
    this.#active = this.#active.filter(({ until }) => until > now);
  }

  active<Kind extends LastingFault['kind']>(
    kind: Kind,
    now: number,
  ): readonly (ActiveFault & { readonly fault: FaultOf<Kind> })[] {
    if (this.#active.length === 0) return [];
    return this.#active.filter(
      (active): active is ActiveFault & { readonly fault: FaultOf<Kind> } =>
        active.fault.kind === kind && active.from <= now && now < active.until,
    );
  }

  /** What the next call will suffer, if anything; each use counts. */
  takeCall(call: CallName): FaultOf<'call'> | undefined {
    const index = this.#calls.findIndex(({ fault }) => fault.call === call || fault.call === 'any');
    const entry = this.#calls[index];
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#calls.splice(index, 1);
    return entry.fault;
  }

  /** Where the migration that starts now will break, if anywhere; each is used once. */
  takeBreak(vm: VmId): BreakStage | undefined {
    const index = this.#breaks.findIndex((entry) => entry.vm === undefined || entry.vm === vm);
    return index < 0 ? undefined : this.#breaks.splice(index, 1)[0]?.stage;
  }

  /** What is left of the host's migration link, 0..1. */
  linkFactor(host: HostId, now: number): number {
    let factor = 1;
    for (const { fault } of this.active('link', now)) {
      if (fault.host === host) factor = Math.min(factor, fault.factor);
    }
    return factor;
  }

  isCut(host: HostId, now: number): boolean {
    return this.active('control-cut', now).some(({ fault }) => fault.host === host);
  }

  isRefusing(host: HostId, now: number): boolean {
    return this.active('refusing', now).some(({ fault }) => fault.host === host);
  }

  /** How long an order that is given now waits until it is begun. */
  queueSeconds(now: number): number {
    return Math.max(0, ...this.active('queue', now).map(({ fault }) => fault.waitSeconds));
  }

  hasPowerDevice(host: HostId, now: number): boolean {
    return !this.active('power-device', now).some(({ fault }) => fault.host === host);
  }

  isLocked(vm: VmId, now: number): boolean {
    return this.active('lock', now).some(({ fault }) => fault.vm === vm);
  }

  /** By what the surges of the moment multiply the guest's load. */
  surgeOf(vm: VmId, now: number): number {
    let factor = 1;
    for (const { fault, vms } of this.active('surge', now)) {
      if (vms.has(vm)) factor *= fault.factor;
    }
    return factor;
  }
}
