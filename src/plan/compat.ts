/**
 * Compatibility by classes. Hosts and VMs that look alike to `staticRefusals` share one answer, so
 * that a fleet of thousands asks a few dozen times. vCPUs are compared by number outside of it.
 */

import { isHeldOut, staticRefusals } from '../domain/compatibility.ts';
import { mayRestartFrom } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import type { Vm, VmDisk } from '../domain/vm.ts';
import { codeNumber } from './codes.ts';
import type { Model } from './model.ts';

/** How a VM would go to a host, or the first reason why it cannot. */
export type Way =
  | { readonly method: MoveMethod; readonly code: 0 }
  | { readonly method: undefined; readonly code: number };

const UNSUPPORTED: Way = { method: undefined, code: codeNumber('method-unsupported') };

/**
 * Which methods may be considered: those that keep the guest running, those that stop it too, or
 * (its host is dead) only the start from its disks. The last is the policy's hostFailure to allow,
 * and not one of its migration.methods.
 */
export type Ways = 'live' | 'any' | 'restart';

/** Per host: the number of its class; hosts of one class look alike to `staticRefusals`. */
export type HostClasses = Int32Array;

export function hostClassesOf({ hosts, vms }: Model): HostClasses {
  const classes = new Map<string, number>();
  const shared = sharedStorages(vms);
  const keys = keysOf.get(shared) ?? new WeakMap<Host, string>();
  keysOf.set(shared, keys);
  return Int32Array.from(hosts, (host) => {
    const key = keys.get(host) ?? hostKey(host, shared);
    keys.set(host, key);
    return classNumber(classes, key);
  });
}

export class Compatibility {
  readonly #model: Model;
  readonly #settings: MigrationSettings;
  readonly ways: Ways;
  readonly #hostClass: HostClasses;
  readonly #vmClass: Int32Array;
  readonly #vmClassOf = new Map<string, number>();
  readonly #found: (Way | undefined)[][] = [];

  constructor(model: Model, hostClasses: HostClasses, settings: MigrationSettings, ways: Ways) {
    this.#model = model;
    this.#hostClass = hostClasses;
    this.#settings = settings;
    this.ways = ways;
    this.#vmClass = new Int32Array(model.vms.length).fill(-1);
  }

  /** The way of a VM to another host than its own. vCPUs are not looked at. */
  way(v: number, to: number): Way {
    const found = (this.#found[this.classOf(v)] ??= []);
    return (found[this.#hostClass[to] ?? -1] ??= this.#find(v, to));
  }

  /** VMs of one class, which run on hosts of one class, may go to the same hosts. */
  classOf(v: number): number {
    const known = this.#vmClass[v] ?? -1;
    if (known >= 0) return known;
    const vm = this.#model.vms[v];
    const from = this.#hostClass[this.#model.home[v] ?? -1] ?? -1;
    const number = classNumber(this.#vmClassOf, vm === undefined ? '' : `${from} ${vmKey(vm)}`);
    this.#vmClass[v] = number;
    return number;
  }

  #find(v: number, to: number): Way {
    const vm = this.#model.vms[v];
    const from = this.#model.hosts[this.#model.home[v] ?? -1];
    const target = this.#model.hosts[to];
    if (vm === undefined || from === undefined || target === undefined) return UNSUPPORTED;
    let refused: Way | undefined;
    for (const method of methodsFor(vm, this.#settings, this.ways)) {
      // Another VM of the class may run on this very host; the classes say "another like it".
      const other =
        from.id === target.id ? { ...target, id: `${target.id} '` as Host['id'] } : target;
      const against = staticRefusals(vm, from, other, method, this.#settings);
      const first = against.find(({ code }) => code !== 'vcpus');
      if (first === undefined) return { method, code: 0 };
      refused ??= { method: undefined, code: codeNumber(first.code) };
    }
    return refused ?? UNSUPPORTED;
  }
}

/** The methods worth trying for this VM, least disruptive first. */
export function methodsFor(vm: Vm, settings: MigrationSettings, ways: Ways): readonly MoveMethod[] {
  if (ways === 'restart') return ['restart'];
  return wantedMethods(vm, settings, ways === 'any').filter((m) => settings.methods.includes(m));
}

function wantedMethods(
  vm: Vm,
  settings: MigrationSettings,
  allowCold: boolean,
): readonly MoveMethod[] {
  const ladder = settings.ladder[vm.criticality];
  const stoppable = allowCold && ladder.includes('cold');
  return stoppable ? ['pre-copy', 'storage', 'cold'] : ['pre-copy', 'storage'];
}

function classNumber(classes: Map<string, number>, key: string): number {
  const number = classes.get(key) ?? classes.size;
  classes.set(key, number);
  return number;
}

/** An order about hosts changes no VM: what was found stays known for the same list. */
const storagesOf = new WeakMap<readonly Vm[], ReadonlySet<string>>();

/**
 * Where VMs have disks or media that another host may reach as well: no other storage is asked
 * about.
 */
function sharedStorages(vms: readonly Vm[]): ReadonlySet<string> {
  const known = storagesOf.get(vms);
  if (known !== undefined) return known;
  const found = new Set<string>();
  // One for all: a first plan is made by code that is not optimised yet, where each loop over an
  // array's values makes objects.
  const note = ({ shared, storage }: Pick<VmDisk, 'shared' | 'storage'>): void => {
    if (shared) found.add(storage);
  };
  vms.forEach(({ disks, media }) => {
    disks.forEach(note);
    media?.forEach(note);
  });
  storagesOf.set(vms, found);
  return found;
}

/** An order changes a few hosts, and an evacuation waits for its plan: the others are known. */
const keysOf = new WeakMap<ReadonlySet<string>, WeakMap<Host, string>>();

/**
 * Everything of a host that staticRefusals reads, but for its id and threads. Of its own storages
 * only that it has one: else each host would be a class of its own.
 */
function hostKey(host: Host, shared: ReadonlySet<string>): string {
  const { source, connection, state, hypervisor, cpu, networks, storages, devices } = host;
  // Which disks it has a place for, and not where that is.
  const copies = host.copiesTo && Object.keys(host.copiesTo).toSorted();
  const isDead = mayRestartFrom(host.failure);
  const isElsewhere = host.actedOnElsewhere === true;
  const { unlistedGuests } = host;
  const { arch, vendor, model, level, features, baseline } = cpu;
  const parts = [source, connection, state, hypervisor, arch, vendor, model, level, features];
  const reached = storages.filter((storage) => shared.has(storage));
  const hasStorage = storages.length > 0;
  const rest = [baseline, networks, reached, hasStorage, copies, devices, isDead, isElsewhere];
  return JSON.stringify([...parts, ...rest, unlistedGuests, isHeldOut(host)]);
}

/** Everything of a VM that staticRefusals and methodsFor read, but for its id, host and vCPUs. */
function vmKey(vm: Vm): string {
  const { source, cpu, machineType, firmware, confidential, networks, devices, powerState } = vm;
  const disks = vm.disks.map(({ storage, shared, copyNames }) => [storage, shared, copyNames]);
  const media = vm.media?.map(({ kind, name, storage, shared }) => [kind, name, storage, shared]);
  const parts = [source, cpu, machineType, firmware, confidential, disks, networks, devices, media];
  const rights = [
    powerState,
    vm.criticality,
    vm.permission,
    vm.managedBy,
    vm.locked,
    vm.noRestart,
    vm.unwatched,
    vm.own,
  ];
  return JSON.stringify([...parts, ...rights]);
}
