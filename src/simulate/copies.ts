/**
 * Where each guest is: every host holds at most one copy of it, running or not. This is the truth
 * of the simulation. It keeps its own accounts of what must never happen (two copies running) and
 * of what should be short (no copy running), at every change and not only when somebody looks.
 */

import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import type { Sighting } from '../ports/hypervisor.ts';

export interface Copy {
  readonly state: Exclude<Sighting['state'], 'unknown'>;
  readonly persistent: boolean;
}

/** A time in which more than one copy ran. The guest's disks are corrupt from then on. */
export interface DoubleRun {
  readonly vm: VmId;
  readonly hosts: readonly HostId[];
  readonly from: number;
  /** Undefined: still so. */
  readonly until: number | undefined;
}

/** A time in which no copy ran although the guest should have been up. */
export interface Outage {
  readonly vm: VmId;
  readonly from: number;
  readonly until: number | undefined;
}

interface Account {
  readonly copies: Map<HostId, Copy>;
  boots: number;
  outage: { from: number } | undefined;
  double: { from: number; hosts: readonly HostId[] } | undefined;
}

export class Copies {
  readonly #accounts = new Map<VmId, Account>();
  /** The guests that have a copy on the host: for whoever asks about one host of many. */
  readonly #guests = new Map<HostId, Set<VmId>>();
  readonly #doubleRuns: DoubleRun[] = [];
  readonly #outages: Outage[] = [];

  /** A guest that is up from the beginning. */
  add(vm: VmId, host: HostId, copy: Copy): void {
    if (this.#accounts.has(vm)) throw new RangeError(`the guest ${vm} is there already`);
    const copies = new Map([[host, copy]]);
    this.#accounts.set(vm, { copies, boots: 1, outage: undefined, double: undefined });
    this.#note(vm, host, copy);
  }

  /** All guests, in the order in which they were added. */
  vms(): IterableIterator<VmId> {
    return this.#accounts.keys();
  }

  has(vm: VmId): boolean {
    return this.#accounts.has(vm);
  }

  get(vm: VmId, host: HostId): Copy | undefined {
    return this.#account(vm).copies.get(host);
  }

  /** Every copy of the guest, sorted by host. */
  of(vm: VmId): readonly { readonly host: HostId; readonly copy: Copy }[] {
    return [...this.#account(vm).copies]
      .map(([host, copy]) => ({ host, copy }))
      .toSorted((a, b) => compareText(a.host, b.host));
  }

  runningOn(vm: VmId): readonly HostId[] {
    const hosts: HostId[] = [];
    for (const [host, { state }] of this.#account(vm).copies) {
      if (state === 'running' || state === 'post-copy') hosts.push(host);
    }
    return hosts.length > 1 ? hosts.toSorted(compareText) : hosts;
  }

  boots(vm: VmId): number {
    return this.#account(vm).boots;
  }

  /** Changes or removes (undefined) the copy on one host, at the moment `at`. */
  set(vm: VmId, host: HostId, copy: Copy | undefined, at: number): void {
    const account = this.#account(vm);
    this.#put(vm, account, host, copy);
    this.#settle(vm, account, at);
  }

  /** Two changes that happen as one: the switch from one host to another. */
  swap(vm: VmId, changes: readonly (readonly [HostId, Copy | undefined])[], at: number): void {
    const account = this.#account(vm);
    for (const [host, copy] of changes) this.#put(vm, account, host, copy);
    this.#settle(vm, account, at);
  }

  /** A copy starts from its disks: a new life of the guest. */
  boot(vm: VmId, host: HostId, persistent: boolean, at: number): void {
    this.#account(vm).boots += 1;
    this.set(vm, host, { state: 'running', persistent }, at);
  }

  /** All double runs so far, in the order in which they began; empty in a healthy run. */
  doubleRuns(): readonly DoubleRun[] {
    const open = [...this.#accounts].flatMap(([vm, { double }]) =>
      double === undefined ? [] : [{ vm, ...double, until: undefined }],
    );
    return [...this.#doubleRuns, ...open].toSorted((a, b) => a.from - b.from);
  }

  /** All outages so far, in the order in which they began. */
  outages(): readonly Outage[] {
    const open = [...this.#accounts].flatMap(([vm, { outage }]) =>
      outage === undefined ? [] : [{ vm, from: outage.from, until: undefined }],
    );
    return [...this.#outages, ...open].toSorted((a, b) => a.from - b.from);
  }

  /** The guests that have a copy on the host, in no order. */
  on(host: HostId): Iterable<VmId> {
    return this.#guests.get(host) ?? [];
  }

  // oxlint-disable-next-line max-params -- whose copy, where, and what it is now
  #put(vm: VmId, account: Account, host: HostId, copy: Copy | undefined): void {
    if (copy === undefined) account.copies.delete(host);
    else account.copies.set(host, copy);
    this.#note(vm, host, copy);
  }

  #note(vm: VmId, host: HostId, copy: Copy | undefined): void {
    const guests = this.#guests.get(host) ?? new Set();
    if (copy === undefined) guests.delete(vm);
    else guests.add(vm);
    this.#guests.set(host, guests);
  }

  #account(vm: VmId): Account {
    const account = this.#accounts.get(vm);
    if (account === undefined) throw new RangeError(`no such guest: ${vm}`);
    return account;
  }

  #settle(vm: VmId, account: Account, at: number): void {
    const running = this.runningOn(vm);
    if (running.length === 0) account.outage ??= { from: at };
    else if (account.outage !== undefined) {
      this.#outages.push({ vm, from: account.outage.from, until: at });
      account.outage = undefined;
    }
    if (running.length > 1) account.double ??= { from: at, hosts: running };
    else if (account.double !== undefined) {
      this.#doubleRuns.push({ vm, ...account.double, until: at });
      account.double = undefined;
    }
  }
}
