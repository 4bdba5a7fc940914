/**
 * When each move starts. Two ways of one timetable (timetable.ts):
 *
 * - {@link schedule}, for a plan that the executor carries out: it starts every move as soon as
 *   what it depends on has ended and both hosts, the uplinks of their switches, their clusters and
 *   the whole have a free slot, in list order, and that is what is foretold. Moves in flight at the
 *   beginning hold their slots until they are forecast to end. A link is shared equally; the share
 *   is taken as it is when the move starts.
 * - {@link scheduleTransfers}, where start and bandwidth are free to choose: every transfer has the
 *   whole bandwidth of its path for itself from start to end, since a copy that shares its link
 *   lasts longer than two in a row (what is dirtied meanwhile is sent again). Links are of one
 *   direction each; the order is searched for.
 */

import { sharedLinks } from '../domain/links.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { Limits, MigrationSettings } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { touchedClusters } from '../domain/touched-clusters.ts';
import type { Learned } from './learned.ts';
import type { Model } from './model.ts';
import { isOwn } from './own-vms.ts';
import { type Crowd, type Forecast, forecast, realBandwidth } from './predict.ts';
import { type Way, bestOrder } from './best-order.ts';
import { type Amount, type Busy, type Problem, type Task, inListOrder } from './timetable.ts';

export interface Scheduled {
  readonly vm: number;
  readonly from: number;
  readonly to: number;
  readonly method: MoveMethod;
  readonly dependsOn: readonly number[];
}

export interface Timing extends Forecast {
  readonly startSeconds: number;
}

export interface ScheduleSettings {
  readonly model: Model;
  readonly snapshot: Snapshot;
  readonly limits: Limits;
  readonly migration: MigrationSettings;
  readonly learned?: Learned | undefined;
}

/** One timing per move, in the order of the moves. */
export function schedule(moves: readonly Scheduled[], settings: ScheduleSettings): Timing[] {
  const slots = new Slots(settings);
  const forecasts: Forecast[] = [];
  const tasks = moves.map((move): Task => {
    const { dependsOn } = move;
    return { rank: 0, uses: slots.uses(move), takes: [], gives: [], dependsOn };
  });
  const problem: Problem = {
    tasks,
    resources: slots.resources,
    rooms: new Float64Array(0),
    busy: inFlight(slots, settings),
    common: TOTAL,
    lesserWait: false,
    seconds(task, left) {
      const move = moves[task];
      if (move === undefined) throw new RangeError(`no move ${task}`);
      const found = slots.forecast(move, left);
      forecasts[task] = found;
      return found.seconds;
    },
  };
  const { start } = inListOrder(
    problem,
    moves.map((_move, index) => index),
  );
  return moves.flatMap((_move, index): Timing[] => {
    const found = forecasts[index];
    return found === undefined ? [] : [{ startSeconds: start[index] ?? 0, ...found }];
  });
}

const TOTAL = 0;
const ONE = 1;

/**
 * Slots of the whole, then of each host out and in, then of the uplinks of switches, then of
 * clusters, where the policy caps those.
 */
class Slots {
  readonly resources: Float64Array;
  readonly #settings: ScheduleSettings;
  /** Per direction of an uplink. */
  readonly #ofLink = new Map<string, number>();
  /** Empty where the policy has no cap for them. */
  readonly #ofCluster = new Map<string, number>();

  constructor(settings: ScheduleSettings) {
    const { total, perHostIn, perHostOut, perLink, perCluster } = settings.limits.concurrency;
    const { hosts } = settings.model;
    const first = 1 + 2 * hosts.length;
    this.#settings = settings;
    for (const host of hosts) {
      for (const { name } of [...sharedLinks(host, {}), ...sharedLinks({}, host)]) {
        if (!this.#ofLink.has(name)) this.#ofLink.set(name, first + this.#ofLink.size);
      }
    }
    const clusters = first + this.#ofLink.size;
    if (perCluster !== undefined) {
      const names = new Set(hosts.flatMap((host) => touchedClusters(host, host)));
      for (const name of names) this.#ofCluster.set(name, clusters + this.#ofCluster.size);
    }
    this.resources = new Float64Array(clusters + this.#ofCluster.size);
    this.resources.fill(Math.max(1, perLink), first, clusters);
    this.resources.fill(Math.max(1, perCluster ?? 1), clusters);
    this.resources[TOTAL] = Math.max(1, total);
    this.resources.fill(Math.max(1, perHostOut), 1, 1 + hosts.length);
    this.resources.fill(Math.max(1, perHostIn), 1 + hosts.length, first);
  }

  uses(move: Pick<Scheduled, 'vm' | 'from' | 'to'>): readonly Amount[] {
    // Who goes alone has every slot there is.
    const slots = isOwn(this.#settings.model, move.vm) ? this.resources[TOTAL] : undefined;
    return [
      { of: TOTAL, amount: slots ?? ONE },
      { of: this.#out(move.from), amount: ONE },
      { of: this.#in(move.to), amount: ONE },
      ...this.#links(move).map((of) => ({ of, amount: ONE })),
      ...this.#clusters(move).map((of) => ({ of, amount: ONE })),
    ];
  }

  forecast(move: Scheduled, left: Float64Array): Forecast {
    const { model, migration, learned } = this.#settings;
    const { from, to, vm } = ends(model, move);
    const terms = { migration, learned, to };
    const crowd: Crowd = {
      hosts:
        1 + Math.max(this.#used(this.#out(move.from), left), this.#used(this.#in(move.to), left)),
      uplink: (name) => {
        const slot = this.#ofLink.get(name);
        return slot === undefined ? 1 : 1 + this.#used(slot, left);
      },
    };
    const lost = 1 + (learned?.contention ?? 0) * this.#opposite(move, left);
    const bandwidth = realBandwidth(from, to, terms, crowd) / lost;
    return forecast(vm, move.method, Math.max(1, bandwidth), terms);
  }

  #links({ from, to }: Pick<Scheduled, 'from' | 'to'>): readonly number[] {
    const { hosts } = this.#settings.model;
    const links = sharedLinks(hosts[from] ?? {}, hosts[to] ?? {});
    return links.flatMap(({ name }) => this.#ofLink.get(name) ?? []);
  }

  #clusters({ from, to }: Pick<Scheduled, 'from' | 'to'>): readonly number[] {
    if (this.#ofCluster.size === 0) return [];
    const { hosts } = this.#settings.model;
    const [source, target] = [hosts[from], hosts[to]];
    if (source === undefined || target === undefined) return [];
    return touchedClusters(source, target).flatMap((name) => this.#ofCluster.get(name) ?? []);
  }

  /** What goes the other way on its two links. */
  #opposite({ from, to }: Scheduled, left: Float64Array): number {
    return this.#used(this.#in(from), left) + this.#used(this.#out(to), left);
  }

  #used(slot: number, left: Float64Array): number {
    return (this.resources[slot] ?? 0) - (left[slot] ?? 0);
  }

  #out(host: number): number {
    return 1 + host;
  }

  #in(host: number): number {
    return 1 + this.#settings.model.hosts.length + host;
  }
}

function ends(model: Model, move: Pick<Scheduled, 'from' | 'to' | 'vm'>) {
  const from = model.hosts[move.from];
  const to = model.hosts[move.to];
  const vm = model.vms[move.vm];
  if (from === undefined || to === undefined || vm === undefined) {
    throw new RangeError(`a move without VM or host: ${JSON.stringify(move)}`);
  }
  return { from, to, vm };
}

function inFlight(slots: Slots, settings: ScheduleSettings): readonly Busy[] {
  const { model, snapshot } = settings;
  return snapshot.inFlight.flatMap((flight): Busy[] => {
    const from = model.hostIndex.get(flight.from) ?? -1;
    const to = model.hostIndex.get(flight.to) ?? -1;
    const v = model.vmIndex.get(flight.vm) ?? -1;
    const vm = model.vms[v];
    const [source, target] = [model.hosts[from], model.hosts[to]];
    if (vm === undefined || source === undefined || target === undefined) return [];
    const bandwidth = realBandwidth(source, target, settings);
    const terms = { ...settings, to: target };
    const { seconds } = forecast(vm, flight.method, Math.max(1, bandwidth), terms);
    const elapsed = Math.max(0, snapshot.takenAt - flight.startedAt);
    return [{ uses: slots.uses({ vm: v, from, to }), end: Math.max(1, seconds - elapsed) }];
  });
}

export interface Transfer {
  /** Lesser ranks are first made safe. */
  readonly rank: number;
  /** Links that it goes over, each of one direction. */
  readonly path: readonly number[];
  /** What it needs on its target from the start, and leaves on its source at the end. */
  readonly takes: readonly Amount[];
  readonly gives: readonly Amount[];
  readonly dependsOn: readonly number[];
  /** Of a copy at that bandwidth, in bytes per second. */
  seconds(bandwidth: number): number;
}

export interface TransferSettings {
  /** Of each link, in bytes per second. */
  readonly links: Float64Array;
  /** Free where transfers go to, by the numbers in `takes` and `gives`. */
  readonly rooms: Float64Array;
  readonly seed: number;
}

export interface TransferTiming {
  readonly startSeconds: number;
  readonly seconds: number;
  readonly bandwidth: number;
}

/** A transfer is not slowed down to less than this share of its path. */
const LEAST_OF_PATH = 0.25;

/** Lists tried, at most; and so many that all together look at so many pairs of transfers. */
const MOST_LISTS = 1500;
const MOST_PAIRS = 2_000_000;

/**
 * Lesser ranks first, then all as soon as may be. `linkBoundSeconds`: no schedule at all ends
 * before, since one link has so much to carry. Undefined timing: it could never start.
 */
export function scheduleTransfers(
  transfers: readonly Transfer[],
  { links, rooms, seed }: TransferSettings,
): {
  readonly timings: readonly (TransferTiming | undefined)[];
  readonly linkBoundSeconds: number;
} {
  const speeds = [...new Set(links)];
  const bandwidths = transfers.map(({ path }) => bandwidthsOver(path, links, speeds));
  const crowd = new Int32Array(links.length);
  for (const { path } of transfers) for (const link of path) crowd[link] = (crowd[link] ?? 0) + 1;
  const tasks = transfers.map((one): Task => ({ ...one, uses: [] }));
  const ways = transfers.map((one, index) =>
    (bandwidths[index] ?? []).map((bandwidth): Way => {
      // What many go over is asked first.
      const path = one.path.toSorted((a, b) => (crowd[b] ?? 0) - (crowd[a] ?? 0));
      const uses = path.map((of) => ({ of, amount: bandwidth }));
      return { uses, seconds: one.seconds(bandwidth) };
    }),
  );
  const problem = { tasks, resources: links, rooms, busy: [], lesserWait: true };
  const pairs = tasks.length ** 2;
  const lists = pairs < 2 ? 0 : Math.min(MOST_LISTS, Math.floor(MOST_PAIRS / pairs));
  const { timetable, way, load } = bestOrder({ problem, ways }, lists, seed);
  const timings = transfers.map((_one, index): TransferTiming | undefined => {
    const startSeconds = timetable.start[index] ?? Number.NaN;
    const bandwidth = bandwidths[index]?.[way[index] ?? 0];
    if (Number.isNaN(startSeconds) || bandwidth === undefined) return undefined;
    return { startSeconds, seconds: timetable.seconds[index] ?? 0, bandwidth };
  });
  return { timings, linkBoundSeconds: load.reduce((most, one) => Math.max(most, one), 0) };
}

/** All that its slowest link carries; or what slower ones do, to go beside others' transfers. */
function bandwidthsOver(
  path: readonly number[],
  links: Float64Array,
  speeds: readonly number[],
): readonly number[] {
  const all = path.reduce((least, link) => Math.min(least, links[link] ?? 0), Infinity);
  const slower = speeds.filter((one) => one < all && one >= LEAST_OF_PATH * all);
  return [all, ...slower.sort((a, b) => b - a)];
}
