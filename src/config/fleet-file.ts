/**
 * The fleet file: a Snapshot as one documented JSON file, for support cases, tests, benches and
 * planning without a hypervisor. Loading what was saved gives the same Snapshot again, but for what
 * is the policy's to say, and for moves, rooms and orders of hosts or VMs that are gone.
 */

import { inChunks } from '../domain/chunks.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { formFaults } from '../domain/placement-form.ts';
import { type PlacementRule, isHostRule } from '../domain/placement.ts';
import type { Host } from '../domain/host.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import { problemAt } from './document.ts';
import { type Fleet, buildFleet } from './fleet-build.ts';
import { type FleetEntries, type RuleEntry, fleetSchema } from './fleet-schema.ts';
import { writtenOrders } from './fleet-orders.ts';
import { readJson } from './json-document.ts';
import { type ConfigProblem, PROBLEMS_MAX, nearest, tidyProblems } from './problem.ts';
import { validate } from './validate.ts';

export type { Fleet } from './fleet-build.ts';

export interface FleetOptions {
  /** Plain values are taken as held for every window (default); false: only `last` is known. */
  readonly assumeHeld?: boolean;
}

export function parseFleet(
  text: string,
  file: string,
  options: FleetOptions = {},
): Result<Fleet, readonly ConfigProblem[]> {
  const document = readJson(text, file);
  if (!document.ok) return fail(tidyProblems(document.error));
  const entries = validate(fleetSchema, document.value);
  if (!entries.ok) return fail(tidyProblems(entries.error));
  const faults = [...doubles(entries.value), ...references(entries.value), ...gaps(entries.value)];
  if (faults.length > 0) {
    const places = faults.slice(0, PROBLEMS_MAX + 1).map(({ path, message, ...more }) => {
      return problemAt(file, document.value.place(path, 'value'), message, more);
    });
    return fail(tidyProblems(places));
  }
  return ok(buildFleet(entries.value, options.assumeHeld ?? true));
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected?: string;
  readonly hint?: string;
}

function doubles({ hosts, vms, storages = [], placement }: FleetEntries): Fault[] {
  const twice = (
    section: string,
    what: string,
    ids: readonly string[],
    path: string[] = [],
  ): Fault[] => {
    const first = new Map<string, number>();
    return ids.flatMap((id, i) => {
      const earlier = first.get(id);
      first.set(id, earlier ?? i);
      if (earlier === undefined) return [];
      const message = `${what} "${id}" is there already (${section}[${earlier}])`;
      return [{ path: [...(path.length === 0 ? [section] : path), i, 'id'], message }];
    });
  };
  return [
    ...twice(
      'hosts',
      'host',
      hosts.map(({ id }) => id),
    ),
    ...twice(
      'vms',
      'VM',
      vms.map(({ id }) => id),
    ),
    ...twice(
      'storages',
      'storage',
      storages.map(({ id, source }) => (source === undefined ? id : `${id}@${source}`)),
    ),
    ...twice(
      'rules',
      'rule',
      (placement?.rules ?? []).map(({ id }) => id),
      ['placement', 'rules'],
    ),
  ];
}

function references(entries: FleetEntries): Fault[] {
  const hosts = new Set<string>(entries.hosts.map(({ id }) => id));
  const vms = new Set<string>(entries.vms.map(({ id }) => id));
  const faults: Fault[] = [];
  const refer = (kind: 'host' | 'VM', id: string, path: readonly PropertyKey[]): void => {
    const known = kind === 'host' ? hosts : vms;
    if (known.has(id)) return;
    // The search for a similar name is slow in a large fleet; a few are enough.
    const near = faults.length < 5 ? nearest(id, [...known].slice(0, 5_000)) : undefined;
    const hint = near === undefined ? '' : `did you mean "${near}"?`;
    faults.push({
      path,
      message: `unknown ${kind} "${id}"`,
      expected: `the id of a ${kind}`,
      hint,
    });
  };
  for (const [i, vm] of entries.vms.entries()) refer('host', vm.host, ['vms', i, 'host']);
  for (const [i, rule] of (entries.placement?.rules ?? []).entries()) {
    const path = ['placement', 'rules', i];
    for (const part of ['vms', 'on'] as const)
      for (const [k, vm] of (rule[part] ?? []).entries()) refer('VM', vm, [...path, part, k]);
    for (const [k, host] of (rule.hosts ?? []).entries())
      refer('host', host, [...path, 'hosts', k]);
    for (const [k, set] of (rule.sets ?? []).entries())
      for (const [n, host] of set.entries()) refer('host', host, [...path, 'sets', k, n]);
  }
  for (const [i, order] of (entries.orders ?? []).entries()) {
    refer('host', order.host, ['orders', i, 'host']);
  }
  for (const [i, flight] of (entries.inFlight ?? []).entries()) {
    refer('VM', flight.vm, ['inFlight', i, 'vm']);
    refer('host', flight.from, ['inFlight', i, 'from']);
    refer('host', flight.to, ['inFlight', i, 'to']);
  }
  for (const [i, held] of (entries.reservations ?? []).entries()) {
    refer('host', held.host, ['reservations', i, 'host']);
  }
  return faults;
}

/** What has two places to be said in, and was said in none or in both. */
function gaps({ hosts, vms, placement }: FleetEntries): Fault[] {
  const faults: Fault[] = [];
  for (const [i, { cores, cpu }] of hosts.entries()) {
    const path = ['hosts', i];
    if (cores === undefined && cpu?.cores === undefined) {
      faults.push({
        path,
        message: '"cores" is missing',
        expected: 'a whole number of at least 1',
      });
    }
    if (cores !== undefined && cpu?.cores !== undefined) {
      faults.push({ path: [...path, 'cores'], message: '"cores" is there twice (cpu.cores)' });
    }
  }
  for (const [i, { memory, memoryBytes }] of vms.entries()) {
    if ((memory === undefined) !== (memoryBytes === undefined)) continue;
    const message = memory === undefined ? '"memory" is missing' : '"memory" and "memoryBytes"';
    faults.push({ path: ['vms', i], message, expected: 'one of memory, memoryBytes' });
  }
  for (const [i, rule] of (placement?.rules ?? []).entries()) {
    const path = ['placement', 'rules', i];
    const wrong = formFaults(rule.kind, (part) => rule[part] !== undefined);
    faults.push(...wrong.map(({ message }) => ({ path, message })), ...doubleHosts(rule, path));
  }
  return faults;
}

/** Sets that share a host leave open which of them its VMs are in. */
function doubleHosts({ sets = [] }: RuleEntry, path: readonly PropertyKey[]): Fault[] {
  const setOf = new Map<string, number>();
  return sets.flatMap((set, k) =>
    set.flatMap((host, n): Fault[] => {
      const earlier = setOf.get(host) ?? k;
      setOf.set(host, earlier);
      if (earlier === k) return [];
      const message = `host "${host}" is in another set too (sets[${earlier}])`;
      return [{ path: [...path, 'sets', k, n], message }];
    }),
  );
}

/** Rules about hosts name no VMs; the empty list is there for those who look at all rules alike. */
function writtenRule(rule: PlacementRule): unknown {
  return isHostRule(rule) ? { ...rule, vms: undefined } : rule;
}

function writtenHost(host: Host): unknown {
  return { ...host, margins: undefined, actedOnElsewhere: undefined };
}

function writtenVm(vm: Vm): unknown {
  return { ...vm, moveFactor: undefined, noRestart: undefined, unwatched: undefined };
}

/** What names somebody who is gone would be refused when it is read, and no plan can go by it. */
function presentOf(snapshot: Snapshot): Pick<Snapshot, 'inFlight' | 'reservations'> {
  const hosts = new Set(snapshot.hosts.map(({ id }) => id));
  const vms = new Set(snapshot.vms.map(({ id }) => id));
  return {
    inFlight: snapshot.inFlight.filter(
      ({ vm, from, to }) => vms.has(vm) && hosts.has(from) && hosts.has(to),
    ),
    reservations: snapshot.reservations.filter(({ host }) => hosts.has(host)),
  };
}

/** Hosts or VMs put into words at once: some 100 KB. */
const PIECE = 50;

/** One a line. */
function* lines<Item>(items: readonly Item[], written: (item: Item) => unknown): Generator<string> {
  let before = '[\n';
  for (const piece of inChunks(items, PIECE)) {
    yield before + piece.map((item) => JSON.stringify(written(item))).join(',\n');
    before = ',\n';
  }
  yield items.length === 0 ? '[]' : '\n]';
}

/**
 * One host or VM a line, so that two files can be compared. Ends with a line feed. What moves cost,
 * which resources there are, how far hosts are filled and whose disks forbid a restart is the
 * policy's to say, and not written.
 */
export function formatFleet(snapshot: Snapshot, orders: readonly Order[] = []): string {
  return [...fleetPieces(snapshot, orders)].join('');
}

/** The same in pieces, each made when it is asked for. */
export function* fleetPieces(snapshot: Snapshot, orders: readonly Order[]): Generator<string> {
  const { takenAt, hosts, vms, storages = [], placement } = snapshot;
  yield '{"apiVersion":"drover/v1",\n"kind":"Fleet",\n';
  yield `"takenAt":${JSON.stringify(takenAt)},\n"hosts":`;
  yield* lines(hosts, writtenHost);
  yield ',\n"vms":';
  yield* lines(vms, writtenVm);
  if (storages.length > 0) yield ',\n"storages":';
  if (storages.length > 0) yield* lines(storages, (storage) => storage);
  yield ',\n"placement":{"rules":';
  yield* lines(placement, writtenRule);
  yield '}';
  for (const [key, value] of Object.entries(restOf(snapshot, orders)))
    yield `,\n${JSON.stringify(key)}:${JSON.stringify(value)}`;
  yield '}\n';
}

function restOf(snapshot: Snapshot, orders: readonly Order[]): Readonly<Record<string, unknown>> {
  const { hosts, lastMovedAt, recentMoves, breakers, sources } = snapshot;
  const { inFlight, reservations } = presentOf(snapshot);
  const written = writtenOrders(orders, new Set(hosts.map(({ id }) => id)));
  return {
    ...(written.length > 0 && { orders: written }),
    inFlight,
    reservations,
    lastMovedAt,
    ...(recentMoves !== undefined && { recentMoves }),
    ...(breakers !== undefined && { breakers }),
    sources,
  };
}
