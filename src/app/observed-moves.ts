/**
 * Keeps what Drover would have done in mode observe beside what really happened: the judgement is
 * observed-judge.ts' affair, the memory is the ledger's. Each tick reads what is open: so the next
 * life, or another controller that acts there by then, finds it again. Written is what begins and
 * what ends, and now and then what is open; in between the newest is remembered here.
 */

import type { Finding } from '../domain/finding.ts';
import type { HostId } from '../domain/ids.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { ObservedMove } from '../domain/observed-move.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import { judgeObserved, MOST_OPEN } from './observed-judge.ts';
import { openedLine, settledLine } from './observed-lines.ts';

/** A crash forgets no more than this of what is open; half of that is not a gap yet. */
const KEEP_SECONDS = 300;

export interface ObservedParts {
  readonly ledger: Pick<Ledger, 'openObserved' | 'putObserved'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly events: Pick<EventSink, 'emit'>;
  /** Between two ticks, by the clock. */
  readonly everySeconds: Seconds;
}

/** A tick, when its plan was judged. */
export interface ObservedView {
  readonly snapshot: Snapshot;
  readonly findings: readonly Pick<Finding, 'id'>[];
  readonly verdicts: readonly GateVerdict[];
  /** Undefined: there is none. */
  readonly result: PlanResult | undefined;
  /** The plan, or a larger one that it is a part of, was rejected; absent: none was. */
  readonly rejected?: unknown;
  readonly reach: { readonly hosts: ReadonlySet<HostId> };
}

interface Still {
  readonly lookedAt: EpochSeconds;
  readonly since: Seconds;
}

export class ObservedMoves {
  readonly #parts: ObservedParts;
  #newest: ReadonlyMap<string, ObservedMove> = new Map();
  /** What is open, as it was read last, and since when it is unchanged; monotonic. */
  #still: ReadonlyMap<string, Still> = new Map();

  constructor(parts: ObservedParts) {
    this.#parts = parts;
  }

  /** Rejects with LedgerError. */
  async judge({ snapshot, findings, verdicts, result, rejected, reach }: ObservedView) {
    const { clock, everySeconds, ledger } = this.#parts;
    const kept = await ledger.openObserved();
    const now = clock.now();
    const stillFor = this.#watch(kept);
    const judged = judgeObserved({
      now,
      everySeconds,
      before: kept.map((move) => this.#newestOf(move)),
      stillFor,
      snapshot,
      hosts: reach.hosts,
      findings,
      moves: result?.plan.moves ?? [],
      verdicts,
      isWhole: result !== undefined && rejected === undefined,
    });
    const { settled, opened, after, leftOut } = judged;
    const keptAt = new Map(kept.map(({ id, lookedAt }) => [id, lookedAt]));
    const old = after.filter(({ id }) => Math.abs(now - (keptAt.get(id) ?? 0)) >= KEEP_SECONDS);
    if (settled.length + opened.length + old.length > 0) {
      await ledger.putObserved({
        settled: settled.map((move) => ({ move, line: settledLine(move) })),
        opened: opened.map((move) => ({ move, line: openedLine(move) })),
        kept: old,
      });
    }
    this.#newest = new Map([...after, ...opened].map((move) => [move.id, move]));
    if (leftOut > 0) this.#tellLeftOut(leftOut);
  }

  #watch(kept: readonly ObservedMove[]): ReadonlyMap<string, number> {
    const now = this.#parts.clock.monotonic();
    const still = kept.map(({ id, lookedAt }): [string, Still] => {
      const before = this.#still.get(id);
      return [id, before?.lookedAt === lookedAt ? before : { lookedAt, since: now }];
    });
    this.#still = new Map(still);
    return new Map(still.map(([id, { since }]) => [id, now - since]));
  }

  /** What another controller has written since is newer than what was seen here. */
  #newestOf(kept: ObservedMove): ObservedMove {
    const own = this.#newest.get(kept.id);
    return own !== undefined && own.lookedAt >= kept.lookedAt ? own : kept;
  }

  #tellLeftOut(count: number): void {
    const text =
      `mode observe: ${MOST_OPEN} moves are wanted and not settled; what becomes of ` +
      `${count} more is not kept`;
    this.#parts.events.emit('warning', { key: 'observed moves', text });
  }
}
