/**
 * The circuit breakers as this process sees them: read from the ledger at every tick (so they
 * outlive it, and are those of every controller), and kept up to date in between by the moves that
 * end here, so that what waits in line does not run into a wall one after the other.
 */

import { type Breaker, breakerName, breakerText } from '../domain/breaker.ts';
import type { EventMap } from '../domain/events.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink, EventSource } from '../ports/events.ts';
import type { Ledger, Setbacks } from '../ports/ledger.ts';
import { breakersOf } from './breakers.ts';
import { restAfterTrouble } from './rest.ts';

export interface BreakerBoardParts {
  readonly ledger: Pick<Ledger, 'setbacks' | 'troubles' | 'resetBreaker'>;
  readonly clock: Clock;
  readonly events: EventSink & EventSource;
  /** The newest snapshot; undefined before the first. */
  readonly world: () => Pick<Snapshot, 'hosts'> | undefined;
}

/** How far back failures count: as far as those of single VMs (gate.ts). */
const MEMORY_SECONDS = 86_400;
/** A bound for what is remembered beside the ledger, from one tick to the next. */
const MOST_FAILURES = 5_000;

export class BreakerBoard {
  readonly #parts: BreakerBoardParts;
  #records: Setbacks = NOTHING;
  #vms: readonly Breaker[] = [];
  /** By name, as last told. */
  #told = new Map<string, Breaker['state']>();

  constructor(parts: BreakerBoardParts) {
    this.#parts = parts;
    parts.events.on('move-ended', (end) => {
      this.#records = this.#with(end);
    });
  }

  /**
   * Reads the ledger again, and tells what has changed. Returns also those of single VMs, for the
   * planner: whoever rests takes no place in a plan, and no breaker's one probe, from others.
   * Rejects with LedgerError.
   */
  async load(): Promise<readonly Breaker[]> {
    const { clock, ledger } = this.#parts;
    const now = clock.now();
    const since = epochSeconds(Math.max(0, now - MEMORY_SECONDS));
    const [records, troubles] = await Promise.all([
      ledger.setbacks(since, now),
      ledger.troubles(since, now),
    ]);
    this.#records = records;
    this.#vms = [...troubles].flatMap(([vm, trouble]): Breaker[] => {
      const left = restAfterTrouble(vm, trouble, now);
      if (left <= 0) return [];
      const { count: failures, lastAt } = trouble;
      const until = epochSeconds(now + left);
      return [{ subject: { kind: 'vm', vm }, state: 'open', failures, lastAt, until }];
    });
    this.#tell(this.current());
    return this.all;
  }

  /** All but those of single VMs, which the gate judges by their troubles. */
  current(): readonly Breaker[] {
    return breakersOf(this.#records, this.#parts.clock.now());
  }

  /** Those too: for people, and for plans. */
  get all(): readonly Breaker[] {
    return [...this.current(), ...this.#vms];
  }

  async reset(name: string, by: string): Promise<void> {
    const { clock, ledger } = this.#parts;
    await ledger.resetBreaker(name, by, clock.now());
    await this.load();
  }

  #with({ move, result }: EventMap['move-ended']): Setbacks {
    const { failures, successes, ahead, resets } = this.#records;
    const { vm, from, to } = move;
    const source = this.#parts.world()?.hosts.find(({ id }) => id === to)?.source;
    if (source === undefined) return this.#records;
    const { outcome, at, remains } = result;
    if (outcome === 'failed' || outcome === 'needs-human' || remains === true) {
      const failure = { vm, from, to, source, at, remains };
      const latest = [...failures.slice(1 - MOST_FAILURES), failure];
      return { failures: latest, successes, ahead, resets };
    }
    // Where nothing failed there is nothing to close.
    if (outcome !== 'succeeded' || failures.length === 0) return this.#records;
    return {
      failures,
      successes: {
        vm: new Map(successes.vm).set(vm, at),
        out: new Map(successes.out).set(from, at),
        into: new Map(successes.into).set(to, at),
        source: new Map(successes.source).set(source, at),
      },
      ahead,
      resets,
    };
  }

  #tell(breakers: readonly Breaker[]): void {
    const now = new Map(breakers.map((one) => [breakerName(one.subject), one]));
    for (const [name, one] of now) {
      if (this.#told.get(name) === one.state) continue;
      this.#parts.events.emit('breaker', { name, state: one.state, text: breakerText(one) });
    }
    for (const name of this.#told.keys()) {
      if (!now.has(name)) this.#parts.events.emit('breaker', { name, state: 'closed', text: '' });
    }
    this.#told = new Map([...now].map(([name, { state }]) => [name, state]));
  }
}

const NOTHING: Setbacks = {
  failures: [],
  successes: { vm: new Map(), out: new Map(), into: new Map(), source: new Map() },
  resets: new Map(),
};
