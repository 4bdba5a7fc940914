/**
 * How many more moves may go by way of a host, a link, a cluster or a source, or be made of a VM:
 * what budgets, the reverse-move ban and circuit breakers leave. Planner and gate ask the same
 * function, so that nothing is planned that the gate will refuse.
 */

import { type Breaker, breakerName, breakerText } from './breaker.ts';
import type { Tier } from './finding.ts';
import type { Host } from './host.ts';
import type { HostId, VmId } from './ids.ts';
import { holdLeft } from './hold-left.ts';
import { sharedLinks } from './links.ts';
import type { Limits } from './policy.ts';
import type { RefusalCode } from './refusal.ts';
import { hostOf, vmOf } from './snapshot-index.ts';
import type { Snapshot } from './snapshot.ts';
import { touchedClusters } from './touched-clusters.ts';

export interface Allowance {
  /** Further moves, >= 0. */
  readonly most: number;
  readonly code: Extract<RefusalCode, 'breaker' | 'budget' | 'managed-elsewhere' | 'reverse-move'>;
  readonly detail: string;
}

/** The two ends of a move, and whose it is. */
export interface Leg {
  readonly vm: VmId;
  readonly from: Host;
  readonly to: Host;
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

type Counts = Map<string, number>;

/** Names of what counts a move that goes this way; each move counts once under each. */
export function wayNames({ vm, from, to }: Leg): readonly string[] {
  return [
    'all',
    `vm ${vm}`,
    `out ${from.id}`,
    `into ${to.id}`,
    ...touchedClusters(from, to).map((name) => `cluster ${name}`),
    ...sharedLinks(from, to).map(({ name }) => `link ${name}`),
    // Probes: one for the whole source, and for the VM on this very host.
    `source ${from.source}`,
    `pair ${vm} ${to.id}`,
  ];
}

/** How often each way was used by moves that were granted since the snapshot. */
export class UsedWays {
  readonly #byAll: Counts = new Map();
  readonly #byDeferrable: Counts = new Map();

  count(leg: Leg, tier: Tier): void {
    for (const name of wayNames(leg)) {
      add(this.#byAll, name);
      if (tier !== 'mandatory') add(this.#byDeferrable, name);
    }
  }

  /** By one that was granted elsewhere and waits; mandatory ones ask for no budget. */
  reserve(leg: Leg): void {
    for (const name of wayNames(leg)) add(this.#byDeferrable, name);
  }

  /** A breaker's one probe is anybody's; what budgets do not bind uses up nothing of them. */
  of(name: string, { code }: Allowance): number {
    return (code === 'budget' ? this.#byDeferrable : this.#byAll).get(name) ?? 0;
  }
}

export class Allowances {
  readonly #limits: Limits;
  readonly #now: number;
  readonly #hour: Counts = new Map();
  readonly #day: Counts = new Map();
  /** Seconds for which a VM does not go back to where it left. */
  readonly #arrivals = new Map<string, number>();
  readonly #breakers = new Map<string, Allowance>();
  readonly #balanced = new Map<string, Allowance>();

  constructor(snapshot: Snapshot, limits: Limits, now: number = snapshot.takenAt) {
    this.#limits = limits;
    this.#now = now;
    for (const move of snapshot.recentMoves ?? []) this.#count(move, snapshot);
    this.#readBreakers(snapshot);
    for (const { id, balancedBy } of snapshot.hosts) {
      if (balancedBy === undefined) continue;
      const detail = `${balancedBy} balances ${id}`;
      const none = { most: 0, code: 'managed-elsewhere', detail } as const;
      this.#balanced.set(`out ${id}`, none).set(`into ${id}`, none);
    }
  }

  /** What is left under one of the {@link wayNames}; undefined: there is no limit. */
  under(way: string, tier: Tier): Allowance | undefined {
    const isDeferrable = tier !== 'mandatory' || this.#limits.nativeBalancer === 'none';
    const balanced = isDeferrable ? this.#balanced.get(way) : undefined;
    if (balanced !== undefined) return balanced;
    const breaker = this.#breakers.get(way);
    if (breaker?.most === 0 || tier === 'mandatory') return breaker;
    const budget = this.#budget(way);
    if (budget === undefined || breaker === undefined) return budget ?? breaker;
    return budget.most < breaker.most ? budget : breaker;
  }

  /** Whether the VM left the host too recently to go back there, unless it has to or goes home. */
  reverse(vm: VmId, to: HostId): Allowance | undefined {
    const rest = this.#arrivals.get(`${vm} ${to}`) ?? 0;
    if (rest <= 0) return undefined;
    const detail = `it was moved away from there; ${Math.ceil(rest)} s left`;
    return { most: 0, code: 'reverse-move', detail };
  }

  /**
   * All that is used up for a move. `turns`: whether going back matters. `used`: since the
   * snapshot.
   */
  // oxlint-disable-next-line max-params -- a move, its tier, and two things about it
  against(
    leg: Leg,
    tier: Tier,
    turns: boolean,
    used: UsedWays = new UsedWays(),
  ): readonly Allowance[] {
    const ways = wayNames(leg).flatMap((name) => {
      const left = this.under(name, tier);
      return left === undefined || used.of(name, left) < left.most ? [] : [left];
    });
    const back = turns && tier !== 'mandatory' ? this.reverse(leg.vm, leg.to.id) : undefined;
    return back === undefined ? ways : [...ways, back];
  }

  #count(
    { vm, from, to, openedAt, arrivedAt }: NonNullable<Snapshot['recentMoves']>[number],
    snapshot: Snapshot,
  ): void {
    const ends = [hostOf(snapshot, from), hostOf(snapshot, to)] as const;
    const names =
      ends[0] === undefined || ends[1] === undefined
        ? ['all', `vm ${vm}`, `out ${from}`, `into ${to}`]
        : wayNames({ vm, from: ends[0], to: ends[1] });
    const isOfTheHour = holdLeft(openedAt, this.#now, HOUR_SECONDS) > 0;
    if (isOfTheHour) for (const name of names) add(this.#hour, name);
    if (holdLeft(openedAt, this.#now, DAY_SECONDS) > 0) add(this.#day, `vm ${vm}`);
    if (arrivedAt === undefined) return;
    const key = `${vm} ${from}`;
    const rest = holdLeft(arrivedAt, this.#now, this.#limits.reverseMoveSeconds);
    this.#arrivals.set(key, Math.max(rest, this.#arrivals.get(key) ?? 0));
  }

  #readBreakers(snapshot: Snapshot): void {
    const { breakers = [] } = snapshot;
    const isProbed = breakers.some(({ state }) => state === 'half-open');
    const flying = isProbed ? waysOfFlying(snapshot) : new Set();
    for (const breaker of breakers) {
      if (isOfTheDead(breaker, snapshot)) continue;
      const name = breakerName(breaker.subject);
      const way = wayOf(breaker.subject);
      // A probe is under way: its end decides.
      const most = breaker.state === 'half-open' && !flying.has(way) ? 1 : 0;
      const detail = `${breakerText(breaker)} (drover breaker reset ${name})`;
      this.#breakers.set(way, { most, code: 'breaker', detail });
    }
  }

  #budget(way: string): Allowance | undefined {
    const { budgets } = this.#limits;
    const kind = way.slice(0, `${way} `.indexOf(' '));
    switch (kind) {
      case 'all':
        return this.#left(way, budgets.movesPerHour, 'moves an hour');
      case 'vm':
        return this.#leftOfDay(way, budgets.movesPerVmPerDay);
      case 'out':
      case 'into':
        return this.#left(way, budgets.movesPerHostPerHour, `moves an hour ${OF[kind]} this host`);
      case 'cluster':
        return this.#left(way, budgets.movesPerClusterPerHour, 'moves an hour of this cluster');
      case 'link':
        return this.#left(way, budgets.movesPerLinkPerHour, 'moves an hour over this link');
      default:
        return undefined;
    }
  }

  #left(way: string, most: number | undefined, what: string): Allowance | undefined {
    if (most === undefined) return undefined;
    const left = Math.max(0, most - (this.#hour.get(way) ?? 0));
    return { most: left, code: 'budget', detail: `${most} ${what}` };
  }

  #leftOfDay(way: string, most: number): Allowance {
    const left = Math.max(0, most - (this.#day.get(way) ?? 0));
    return { most: left, code: 'budget', detail: `${most} moves of this VM a day` };
  }
}

/**
 * What leaves a dead host is started elsewhere: it asks nothing of the host, and what a VM was
 * tried for while the host lived says nothing about it.
 */
function isOfTheDead({ subject, lastAt }: Breaker, snapshot: Snapshot): boolean {
  if (subject.kind === 'out') return hostOf(snapshot, subject.host)?.failure?.state === 'dead';
  const vm = subject.kind === 'vm' ? vmOf(snapshot, subject.vm) : undefined;
  const failure = vm && hostOf(snapshot, vm.host)?.failure;
  return failure?.state === 'dead' && lastAt < failure.since;
}

function waysOfFlying(snapshot: Snapshot): ReadonlySet<string> {
  return new Set(
    snapshot.inFlight.flatMap(({ vm, from: fromId, to: toId }) => {
      const [from, to] = [hostOf(snapshot, fromId), hostOf(snapshot, toId)];
      return from === undefined || to === undefined ? [] : wayNames({ vm, from, to });
    }),
  );
}

const OF = { out: 'away from', into: 'to' } as const;

function wayOf(subject: NonNullable<Snapshot['breakers']>[number]['subject']): string {
  switch (subject.kind) {
    case 'vm':
      return `vm ${subject.vm}`;
    case 'pair':
      return `pair ${subject.vm} ${subject.to}`;
    case 'out':
    case 'into':
      return `${subject.kind} ${subject.host}`;
    case 'source':
      return `source ${subject.source}`;
    default:
      return subject satisfies never;
  }
}

function add(counts: Counts, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
