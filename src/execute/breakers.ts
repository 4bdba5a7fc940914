/**
 * Which circuit breakers are open: worked out anew from the ledger's records each time, so that a
 * restart forgets nothing and several controllers see the same. Pure.
 *
 * A failure is blamed as narrowly as the records allow. The VM and the target it failed on rest
 * after the first one. A target has failed when several VMs did not get there; a source host when
 * several did not get to several targets; a hypervisor connection when that happened between
 * several hosts. Whatever succeeds closes all that it went by. What was cancelled or skipped says
 * nothing about hosts.
 */

import type { Breaker, BreakerSubject } from '../domain/breaker.ts';
import { breakerName } from '../domain/breaker.ts';
import { textHash } from '../domain/hash.ts';
import { compareText } from '../domain/ids.ts';
import { holdLeft, isAhead } from '../domain/hold-left.ts';
import { seededRng } from '../domain/rng.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Setback, Setbacks, Successes } from '../ports/ledger.ts';

interface Rule {
  /** Failures in a row at which it opens. */
  readonly at: number;
  /** So many different ones must be among them. */
  readonly vms: number;
  readonly sources: number;
  readonly targets: number;
  readonly firstPause: number;
}

const RULES: Readonly<Record<Exclude<BreakerSubject['kind'], 'vm'>, Rule>> = {
  pair: { at: 1, vms: 1, sources: 1, targets: 1, firstPause: 90 },
  into: { at: 2, vms: 2, sources: 1, targets: 1, firstPause: 60 },
  out: { at: 3, vms: 2, sources: 1, targets: 2, firstPause: 60 },
  source: { at: 5, vms: 3, sources: 2, targets: 2, firstPause: 60 },
};

/** Long enough not to be in the way, short enough that nobody waits an hour after the repair. */
const LONGEST_PAUSE_SECONDS = 900;

/**
 * Up to this share is taken off each pause: what failed at the same moment is not tried again at
 * the same moment (Brooker, "Exponential Backoff And Jitter", 2015).
 */
const JITTER = 0.25;

/** All that are not closed, by name. */
export function breakersOf(records: Setbacks, now: EpochSeconds): readonly Breaker[] {
  const rows = new Map<string, { subject: BreakerSubject; failures: Setback[] }>();
  for (const failure of records.failures) {
    // Of a clock that was wrong: no pause is as long as that.
    if (failure.at - now >= LONGEST_PAUSE_SECONDS) continue;
    for (const subject of subjectsOf(failure)) {
      const name = breakerName(subject);
      if (isClosed(records, subject, failure, now)) continue;
      const row = rows.get(name) ?? { subject, failures: [] };
      rows.set(name, row);
      row.failures.push(failure);
    }
  }
  return [...rows]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([name, { subject, failures }]) => breaker(name, subject, failures, now) ?? []);
}

function subjectsOf({ vm, from, to, source }: Setback): readonly BreakerSubject[] {
  return [
    { kind: 'pair', vm, to },
    { kind: 'out', host: from },
    { kind: 'into', host: to },
    { kind: 'source', source },
  ];
}

/** What is ahead of the clock closes only what is, too: which came first is not known of others. */
// oxlint-disable-next-line max-params -- the failure, whose it is, what closes it, and when
function isClosed(
  { resets, successes, ahead }: Setbacks,
  subject: BreakerSubject,
  failure: Setback,
  now: EpochSeconds,
): boolean {
  const counts = (at: number): boolean => !isAhead(at, now) || isAhead(failure.at, now);
  const reset = resets.get(breakerName(subject));
  if (reset !== undefined && failure.at <= reset && counts(reset)) return true;
  return [successes, ahead].some((all) => {
    const last = all && lastSuccess(all, subject);
    return last !== undefined && failure.at < last && counts(last);
  });
}

function lastSuccess(successes: Successes, subject: BreakerSubject): number {
  const never = Number.NEGATIVE_INFINITY;
  switch (subject.kind) {
    case 'vm':
    case 'pair':
      return successes.vm.get(subject.vm) ?? never;
    case 'out':
      return successes.out.get(subject.host) ?? never;
    case 'into':
      return successes.into.get(subject.host) ?? never;
    case 'source':
      return successes.source.get(subject.source) ?? never;
    default:
      return subject satisfies never;
  }
}

// oxlint-disable-next-line max-params -- whose it is, what befell it, and when that is asked
function breaker(
  name: string,
  subject: BreakerSubject,
  failures: readonly Setback[],
  now: EpochSeconds,
): Breaker | undefined {
  if (subject.kind === 'vm') return undefined;
  const rule = RULES[subject.kind];
  const isEnough =
    failures.length >= rule.at &&
    new Set(failures.map(({ vm }) => vm)).size >= rule.vms &&
    new Set(failures.map(({ from }) => from)).size >= rule.sources &&
    new Set(failures.map(({ to }) => to)).size >= rule.targets;
  if (!isEnough) return undefined;
  const lastAt = epochSeconds(Math.max(...failures.map(({ at }) => at)));
  const remains = subject.kind === 'pair' && failures.at(-1)?.remains === true;
  // What could not be removed at once will hardly be gone in a minute.
  const usual = backOff(failures.length - rule.at, rule.firstPause, LONGEST_PAUSE_SECONDS);
  const pause = withJitter(remains ? LONGEST_PAUSE_SECONDS : usual, `${name} ${lastAt}`);
  const left = Math.max(...failures.map(({ at }) => holdLeft(at, now, pause)));
  const state = left > 0 ? 'open' : 'half-open';
  const until = epochSeconds(now + left);
  const found = { subject, state, failures: failures.length, lastAt, until } as const;
  return remains ? { ...found, remains } : found;
}

/** Doubled each time, up to the longest. `again`: how often it was paused before. */
export function backOff(again: number, first: number, longest: number): number {
  return Math.min(first * 2 ** Math.max(0, again), longest);
}

/** The same for the same occasion: a restart or another controller reckons as this one does. */
export function withJitter(pause: number, occasion: string): number {
  const rng = seededRng(Number.parseInt(textHash(occasion).slice(0, 8), 16));
  return pause * (1 - JITTER * rng.next());
}
