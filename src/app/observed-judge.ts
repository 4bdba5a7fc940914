/**
 * What became of the moves that Drover would have made, by one tick: pure. What was wanted before,
 * what the fleet is like now, the findings and the plan with its verdicts in; what is open from now
 * on, what begins and what is settled out. Each VM is looked up once, however large the fleet.
 *
 * A move is judged beside reality only for as long as it is not wanted, and that has to last: a
 * wish that flickers is one wish. That somebody has moved the VM is believed at once.
 */

import type { Finding } from '../domain/finding.ts';
import { holdLeft } from '../domain/hold-left.ts';
import type { FindingId, HostId, VmId } from '../domain/ids.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type {
  Away,
  AwayKind,
  ObservedEnd,
  ObservedMove,
  ObservedOutcome,
  SettledMove,
} from '../domain/observed-move.ts';
import type { Move } from '../domain/plan.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type EpochSeconds, epochSeconds, seconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

/** So long a move is not wanted before it is taken at that. */
export const HOLD_SECONDS = 600;
/** Who has not looked for longer does not know what happened; longer than two writes are apart. */
const GAP_SECONDS = 900;
/** The same in ticks, where they are rare. */
const GAP_TICKS = 3;
/** Nobody has looked for so long: whoever acted there is gone for good. */
export const ABANDONED_SECONDS = 7 * 86_400;
/** What is open at once, of all controllers together: memory, and the ledger, are bounded. */
export const MOST_OPEN = 5_000;

export interface ObservedSight {
  readonly now: EpochSeconds;
  /** Between two ticks. */
  readonly everySeconds: number;
  /** Open ones, also those of others; one of a VM at most. */
  readonly before: readonly ObservedMove[];
  /**
   * For how long this controller has found the very same `lookedAt` in each of them, in seconds, by
   * no clock that anybody sets: other controllers have clocks of their own.
   */
  readonly stillFor: ReadonlyMap<string, number>;
  readonly snapshot: Snapshot;
  /** Where this controller acts. */
  readonly hosts: ReadonlySet<HostId>;
  readonly findings: readonly Pick<Finding, 'id'>[];
  readonly moves: readonly Move[];
  readonly verdicts: readonly GateVerdict[];
  /** False: the plan is none, or a part; what it does not want says nothing. */
  readonly isWhole: boolean;
}

export interface ObservedJudgement {
  readonly settled: readonly SettledMove[];
  readonly opened: readonly ObservedMove[];
  /** The other ones of this controller, as they are by now. */
  readonly after: readonly ObservedMove[];
  /** How many wishes were not taken up, as too many are open. */
  readonly leftOut: number;
}

export function judgeObserved(sight: ObservedSight): ObservedJudgement {
  const eye = new Eye(sight);
  const settled: SettledMove[] = [];
  const after: ObservedMove[] = [];
  const open = new Set<VmId>();
  for (const move of sight.before) {
    const next = eye.follow(move);
    if ('end' in next) {
      settled.push(next);
      continue;
    }
    open.add(move.vm);
    if (next !== move) after.push(next);
  }
  const fresh = eye.wished.filter(({ vm }) => !open.has(vm.id));
  const opened = fresh.slice(0, Math.max(0, MOST_OPEN - open.size));
  return {
    settled,
    opened: opened.map((wish) => openedBy(wish, sight.now)),
    after,
    leftOut: fresh.length - opened.length,
  };
}

/** A VM's part of the plan: where all its moves together take it. */
interface Wish {
  readonly move: Move;
  /** Undefined: the plan has it, and something else than the mode holds it back by now. */
  readonly to: HostId | undefined;
}

interface OpenWish {
  readonly move: Move;
  readonly to: HostId;
  readonly vm: Vm;
}

/** What one tick knows, looked up once. */
class Eye {
  readonly #sight: ObservedSight;
  readonly #wishes: ReadonlyMap<VmId, Wish>;
  readonly #findings: ReadonlySet<FindingId>;
  /** Those for which the plan moves anybody. */
  readonly #served: ReadonlySet<FindingId>;
  readonly #flying: ReadonlySet<VmId>;
  readonly #own: ReadonlyMap<string, EpochSeconds>;

  constructor(sight: ObservedSight) {
    const { snapshot, findings, moves } = sight;
    this.#sight = sight;
    this.#wishes = wishesOf(sight);
    this.#findings = new Set(findings.map(({ id }) => id));
    this.#served = new Set(moves.map(({ reason }) => reason.finding));
    this.#flying = new Set(snapshot.inFlight.map(({ vm }) => vm));
    const recent = snapshot.recentMoves ?? [];
    this.#own = new Map(recent.map(({ vm, to, openedAt }) => [`${vm} ${to}`, openedAt]));
  }

  /** In the plan's order. */
  get wished(): readonly OpenWish[] {
    return [...this.#wishes].flatMap(([id, { move, to }]) => {
      const vm = vmOf(this.#sight.snapshot, id);
      return vm === undefined || to === undefined ? [] : [{ move, to, vm }];
    });
  }

  /** The very same where it is another controller's. */
  follow(before: ObservedMove): ObservedMove | SettledMove {
    const { snapshot } = this.#sight;
    const vm = vmOf(snapshot, before.vm);
    if (!this.#isOurs(before, vm)) return this.#ofOthers(before);
    const move = lookedAt(before, this.#sight);
    // Drover itself moves it: how that ends is seen then.
    if (this.#flying.has(move.vm)) return move;
    if (vm === undefined) return this.#isListed(move) ? this.#away(move, 'deleted') : move;
    if (vm.host !== move.from) return settledBy(move, this.#moved(move, vm.host));
    const wish = this.#wishes.get(move.vm);
    if (wish !== undefined) return wantedBy(move, wish);
    if (vm.powerState === 'off' || vm.powerState === 'crashed')
      return this.#away(move, 'powered-off', vm.host);
    return this.#sight.isWhole ? this.#away(move, this.#whyNot(move), vm.host) : move;
  }

  #isOurs({ from, source }: ObservedMove, vm: Vm | undefined): boolean {
    const { hosts, snapshot } = this.#sight;
    if (vm !== undefined) return hosts.has(vm.host);
    return hostOf(snapshot, from) === undefined ? this.#isUp(source) : hosts.has(from);
  }

  /** Of two controllers that find this the ledger hears the first. */
  #ofOthers(move: ObservedMove): ObservedMove | SettledMove {
    const { now, stillFor } = this.#sight;
    if ((stillFor.get(move.id) ?? 0) < ABANDONED_SECONDS) return move;
    const notBefore = epochSeconds(Math.min(move.lookedAt, now));
    return settledBy(move, { outcome: 'unknown', at: now, notBefore });
  }

  #isUp(source: ObservedMove['source']): boolean {
    return this.#sight.snapshot.sources.some((one) => one.source === source && one.state === 'up');
  }

  /** A VM that is not listed there is gone; where nobody answers it may be there. */
  #isListed({ source, from }: ObservedMove): boolean {
    const { connection } = hostOf(this.#sight.snapshot, from) ?? {};
    return this.#isUp(source) && connection !== 'disconnected';
  }

  #moved(move: ObservedMove, host: HostId): ObservedEnd {
    const { now } = this.#sight;
    const begun = this.#own.get(`${move.vm} ${host}`);
    const isOwn = begun !== undefined && begun >= move.firstAt;
    const there = host === move.to ? 'moved-there' : 'moved-elsewhere';
    return endOf(move, { outcome: isOwn ? 'carried-out' : there, at: now, host });
  }

  #whyNot({ finding }: ObservedMove): AwayKind {
    if (!this.#findings.has(finding)) return 'ended';
    return this.#served.has(finding) ? 'other-vm' : 'not-planned';
  }

  #away(move: ObservedMove, kind: AwayKind, host?: HostId): ObservedMove | SettledMove {
    const { now } = this.#sight;
    const before = move.away;
    const since = before?.kind === kind ? before.since : now;
    const away: Away = { kind, since, unwantedSince: before?.unwantedSince ?? now };
    if (holdLeft(away.unwantedSince, now, HOLD_SECONDS) > 0) return { ...move, away };
    return settledBy({ ...move, away }, endOf(move, this.#ended(move, away, host)));
  }

  #ended(move: ObservedMove, { kind, since }: Away, host: HostId | undefined): ObservedEnd {
    const isSeen = kind === 'deleted' || kind === 'powered-off';
    // What the plan and the rules did meanwhile, or would have done, nobody knows.
    const outcome: ObservedOutcome = move.gap === undefined || isSeen ? kind : 'unknown';
    return { outcome, at: move.gap === undefined || isSeen ? since : move.gap.to, host };
  }
}

function wishesOf({ moves, verdicts }: ObservedSight): ReadonlyMap<VmId, Wish> {
  const would = new Set(
    verdicts.filter(({ verdict }) => verdict === 'would-execute').map(({ move }) => move),
  );
  const wishes = new Map<VmId, Wish>();
  for (const move of moves) {
    const first = wishes.get(move.vm);
    const to = would.has(move.id) ? move.to : first?.to;
    wishes.set(move.vm, { move: first?.move ?? move, to });
  }
  return wishes;
}

function openedBy({ move, to, vm }: OpenWish, now: EpochSeconds): ObservedMove {
  const { finding, text } = move.reason;
  return {
    id: `${vm.id} ${now}`,
    vm: vm.id,
    vmName: vm.name,
    source: vm.source,
    from: vm.host,
    to,
    finding,
    why: text,
    firstAt: now,
    lastAt: now,
    retargets: 0,
    lookedAt: now,
  };
}

function lookedAt(
  move: ObservedMove,
  { now, everySeconds }: Pick<ObservedSight, 'now' | 'everySeconds'>,
): ObservedMove {
  const unseen = now - move.lookedAt;
  const longest = Math.max(GAP_SECONDS, GAP_TICKS * everySeconds);
  if (unseen < 0) return { ...takenBack(move, now, longest), lookedAt: now };
  if (unseen <= longest) return { ...move, lookedAt: now };
  return {
    ...move,
    lookedAt: now,
    away: undefined,
    gap: { from: move.lookedAt, to: now },
    unseenSeconds: seconds((move.unseenSeconds ?? 0) + unseen),
  };
}

/** The clock was set back: what it was ahead by was no time in which nobody looked. */
function takenBack(move: ObservedMove, now: EpochSeconds, longest: number): ObservedMove {
  const { firstAt, gap, unseenSeconds } = move;
  if (gap === undefined && unseenSeconds === undefined) return move;
  const isReal = gap !== undefined && Math.min(gap.to, now) - gap.from > longest;
  const most = Math.max(0, now - firstAt);
  const unseen = Math.min(unseenSeconds ?? 0, most);
  return {
    ...move,
    gap: isReal ? { from: gap.from, to: epochSeconds(Math.min(gap.to, now)) } : undefined,
    unseenSeconds: unseen > longest ? seconds(unseen) : undefined,
  };
}

function wantedBy(move: ObservedMove, { move: wish, to }: Wish): ObservedMove {
  const isNew = to !== undefined && to !== move.to;
  return {
    ...move,
    to: to ?? move.to,
    retargets: move.retargets + (isNew ? 1 : 0),
    finding: wish.reason.finding,
    lastAt: move.lookedAt,
    away: undefined,
    gap: undefined,
  };
}

/** What was seen with the first look after a gap may have happened at any time in it. */
function endOf({ gap }: ObservedMove, end: ObservedEnd): ObservedEnd {
  return gap?.to === end.at ? { ...end, notBefore: gap.from } : end;
}

function settledBy(move: ObservedMove, end: ObservedEnd): SettledMove {
  return { ...move, end };
}
