// Role: reads a migration scenario or scale instance of the mVM data set (README there) into the
// planner's transfers: VMs with their dirtying, a path of link directions for each, and the room on
// its target. The placement is given; only the schedule is free.
import { z } from 'zod';

import { type Dirtying, preCopy } from '../../src/plan/predict.ts';
import type { Transfer, TransferSettings } from '../../src/plan/schedule.ts';

const MB = 1e6;
const MBPS = MB / 8;

const NODE_LISTS = z.object({
  runningVMs: z.array(z.number()),
  sleepingVMs: z.array(z.number()).optional(),
});
const NUMBERS = z.record(z.string(), z.number());

const VM = z.object({
  memUsed: z.number().positive(),
  dirtyRate: z.number().nonnegative().optional(),
  coldDirtyRate: z.number().nonnegative().optional(),
  maxDirtySize: z.number().nonnegative().optional(),
  hotDirtySize: z.number().nonnegative().optional(),
  maxDirtyDuration: z.number().positive().optional(),
  hotDirtyDuration: z.number().positive().optional(),
});

const VIEW = z.discriminatedUnion('id', [
  z.object({
    id: z.literal('shareableResource'),
    rcId: z.string(),
    defConsumption: z.number(),
    defCapacity: z.number(),
    nodes: NUMBERS,
    vms: NUMBERS,
  }),
  z.object({
    id: z.literal('net'),
    switches: z.array(z.object({ id: z.number(), capacity: z.number() })),
    links: z.array(
      z.object({
        id: z.number(),
        capacity: z.number().positive(),
        switch: z.number(),
        physicalElement: z.object({ id: z.number(), type: z.enum(['node', 'switch']) }),
      }),
    ),
  }),
]);

const MODEL = z.object({
  mapping: z.object({ onlineNodes: z.record(z.string(), NODE_LISTS) }),
  attributes: z.object({ vms: z.record(z.string(), VM) }),
  views: z.array(VIEW),
});

const SCENARIO = z.object({
  origin: MODEL,
  actions: z.array(
    z.object({
      id: z.string(),
      vm: z.number(),
      from: z.number(),
      to: z.number(),
      bw: z.number().positive(),
    }),
  ),
});

const INSTANCE = z.object({
  model: MODEL,
  constraints: z.array(
    z.object({ id: z.string(), vm: z.number().optional(), nodes: z.array(z.number()).optional() }),
  ),
});

type Model = z.infer<typeof MODEL>;
type Net = Extract<z.infer<typeof VIEW>, { id: 'net' }>;

interface Trip {
  readonly vm: number;
  readonly from: number;
  readonly to: number;
}

export interface Problem {
  readonly trips: readonly Trip[];
  readonly transfers: readonly Transfer[];
  readonly settings: Omit<TransferSettings, 'seed'>;
}

/** Throws TypeError on what is neither a scenario nor an instance. */
export function parseProblem(text: string, file: string): Problem {
  const document: unknown = JSON.parse(text);
  const scenario = SCENARIO.safeParse(document);
  if (scenario.success) {
    const { origin, actions } = scenario.data;
    const moves = actions.filter(({ id }) => id === 'migrateVM');
    return toProblem(origin, moves, Network.star(moves));
  }
  const instance = INSTANCE.safeParse(document);
  if (!instance.success) throw new TypeError(`${file}: ${z.prettifyError(instance.error)}`);
  const { model, constraints } = instance.data;
  const homes = new Map(
    Object.entries(model.mapping.onlineNodes).flatMap(([node, { runningVMs }]) =>
      runningVMs.map((vm) => [vm, Number(node)] as const),
    ),
  );
  const trips = constraints.flatMap(({ id, vm, nodes }): Trip[] => {
    const [from, to] = [homes.get(vm ?? -1), nodes?.[0]];
    if (id !== 'fence' || vm === undefined || from === undefined || to === undefined) return [];
    return from === to ? [] : [{ vm, from, to }];
  });
  const net = model.views.find((view) => view.id === 'net');
  if (net === undefined) throw new TypeError(`${file}: no view "net" with the links`);
  return toProblem(model, trips, Network.tree(net));
}

/** Links of one direction each, and the way from node to node over them. */
class Network {
  readonly capacities: number[] = [];
  readonly #up = new Map<string, { readonly out: number; readonly into: number; next?: string }>();

  /** A non-blocking switch; a node's link carries what its fastest move was given. */
  static star(moves: readonly (Trip & { readonly bw: number })[]): Network {
    const fastest = new Map<number, number>();
    for (const { from, to, bw } of moves) {
      for (const node of [from, to]) fastest.set(node, Math.max(fastest.get(node) ?? 0, bw));
    }
    const network = new Network();
    for (const [node, mbps] of fastest) network.#link(`node ${node}`, 'switch', mbps);
    return network;
  }

  static tree({ links }: Net): Network {
    const network = new Network();
    for (const { capacity, physicalElement: low, switch: high } of links) {
      network.#link(`${low.type} ${low.id}`, `switch ${high}`, capacity);
    }
    return network;
  }

  #link(low: string, high: string, mbps: number): void {
    const out = this.capacities.length;
    this.capacities.push(mbps * MBPS, mbps * MBPS);
    this.#up.set(low, { out, into: out + 1, next: high });
  }

  path(from: number, to: number): readonly number[] {
    const upwards = this.#way(`node ${from}`);
    const downwards = this.#way(`node ${to}`);
    const meeting = upwards.findIndex(({ at }) => downwards.some((other) => other.at === at));
    const end = downwards.findIndex(({ at }) => at === upwards[meeting]?.at);
    if (meeting < 0) throw new TypeError(`no way from node ${from} to node ${to}`);
    return [
      ...upwards.slice(0, meeting).map(({ out }) => out),
      ...downwards.slice(0, end).map(({ into }) => into),
    ];
  }

  /** From an element upwards to the root, each with the link above it. */
  #way(start: string): readonly { at: string; out: number; into: number }[] {
    const way = [];
    let at: string | undefined = start;
    while (at !== undefined) {
      const link = this.#up.get(at);
      way.push({ at, out: link?.out ?? -1, into: link?.into ?? -1 });
      at = link?.next;
    }
    return way;
  }
}

function toProblem(model: Model, trips: readonly Trip[], network: Network): Problem {
  const rooms = roomsOf(model);
  const transfers = trips.map(({ vm, from, to }): Transfer => {
    const copy = copyOf(model, vm);
    return {
      rank: 0,
      path: network.path(from, to),
      takes: rooms.of(vm, to),
      gives: rooms.of(vm, from),
      dependsOn: [],
      seconds: (bandwidth) => preCopy({ ...copy, bandwidth }).seconds,
    };
  });
  const links = Float64Array.from(network.capacities);
  return { trips, transfers, settings: { links, rooms: rooms.free } };
}

function copyOf({ attributes }: Model, id: number) {
  const vm = attributes.vms[id];
  if (vm === undefined) throw new TypeError(`VM ${id} has no attributes`);
  const hotSeconds = vm.maxDirtyDuration ?? vm.hotDirtyDuration;
  const dirtying: Dirtying =
    hotSeconds === undefined
      ? { kind: 'unknown' }
      : {
          kind: 'hot-set',
          hotBytes: (vm.maxDirtySize ?? vm.hotDirtySize ?? 0) * MB,
          hotSeconds,
          coldRate: (vm.dirtyRate ?? vm.coldDirtyRate ?? 0) * MB,
        };
  return { memoryBytes: vm.memUsed * MB, dirtying, downtimeLimitSeconds: Infinity };
}

/** What is free on each node of each resource when the moves begin. */
function roomsOf({ mapping, views }: Model) {
  const resources = views.filter((view) => view.id === 'shareableResource');
  const nodes = new Map<number, number>();
  const need = (of: number, vm: number): number =>
    resources[of]?.vms[vm] ?? resources[of]?.defConsumption ?? 0;
  const free: number[] = [];
  const at = (node: number): number => {
    const known = nodes.get(node);
    if (known !== undefined) return known;
    nodes.set(node, free.length);
    const running = mapping.onlineNodes[node]?.runningVMs ?? [];
    const start = free.length;
    for (const [of, { nodes: capacity, defCapacity }] of resources.entries()) {
      const used = running.reduce((sum, vm) => sum + need(of, vm), 0);
      free[start + of] = (capacity[node] ?? defCapacity) - used;
    }
    return start;
  };
  const all = Object.keys(mapping.onlineNodes).map(Number);
  for (const node of all) at(node);
  return {
    of: (vm: number, node: number) =>
      resources.map((_one, of) => ({ of: at(node) + of, amount: need(of, vm) })),
    get free() {
      return Float64Array.from(free);
    },
  };
}
