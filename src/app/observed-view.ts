/** What Drover would have done in mode observe and what really happened, as people ask for it. */

import type { HostId } from '../domain/ids.ts';
import {
  OBSERVED_OUTCOMES,
  type ObservedMove,
  type ObservedOutcome,
  type SettledMove,
} from '../domain/observed-move.ts';
import { hostOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';
import { countText, durationText } from '../observe/narrate/text.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  ObservedMoveView,
  ObservedRequest,
  ObservedSummary,
  ObservedView,
} from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { endText, wishText } from './observed-lines.ts';

const DAY_SECONDS = 86_400;
/** What the ledger answers at most. */
const MOST = 10_000;

export interface ObservedSources {
  readonly ledger: Pick<Ledger, 'openObserved' | 'settledObserved'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** @param world for the names of hosts; undefined: there is none yet. */
export async function observedView(
  { ledger, clock }: ObservedSources,
  world: Pick<Snapshot, 'hosts'> | undefined,
  { days, limit }: ObservedRequest,
): Promise<ObservedView> {
  const asked = epochSeconds(Math.max(0, clock.now() - days * DAY_SECONDS));
  // The open ones first: one that is settled in between is then in both, and is not left out.
  const wanted = await ledger.openObserved();
  const settled = await ledger.settledObserved(asked, MOST);
  const over = new Set(settled.map(({ id }) => id));
  const open = wanted.filter(({ id }) => !over.has(id));
  const oldest = settled.length < MOST ? undefined : settled.at(-1)?.end.at;
  const nameOf = (id: HostId): string => (world && hostOf(world, id)?.name) ?? id;
  return {
    since: oldest ?? asked,
    summary: summaryOf(open, settled),
    open: open.slice(0, limit).map((move) => viewOf(move, nameOf)),
    settled: settled.slice(0, limit).map((move) => viewOf(move, nameOf)),
  };
}

function viewOf(
  move: ObservedMove | SettledMove,
  nameOf: (id: HostId) => string,
): ObservedMoveView {
  const end = 'end' in move ? move.end : undefined;
  return {
    vm: move.vm,
    name: move.vmName,
    from: move.from,
    fromName: nameOf(move.from),
    to: move.to,
    toName: nameOf(move.to),
    why: move.why,
    firstAt: move.firstAt,
    lastAt: move.lastAt,
    retargets: move.retargets,
    unseenSeconds: move.unseenSeconds ?? 0,
    outcome: end?.outcome ?? null,
    settledAt: end?.at ?? null,
    host: end?.host ?? null,
    hostName: end?.host === undefined ? null : nameOf(end.host),
    text: 'end' in move ? endText(move) : openText(move),
  };
}

function openText(move: ObservedMove): string {
  const what = move.away === undefined ? 'still wanted' : 'not wanted at the moment';
  return `${what} (${wishText(move)})`;
}

export function summaryOf(
  open: readonly ObservedMove[],
  settled: readonly SettledMove[],
): ObservedSummary {
  const outcomes = Object.fromEntries(OBSERVED_OUTCOMES.map((one) => [one, 0])) as Record<
    ObservedOutcome,
    number
  >;
  for (const { end } of settled) outcomes[end.outcome] += 1;
  const ended = settled.filter(({ end }) => end.outcome === 'ended');
  const moved = settled.filter(
    ({ end: { outcome } }) => outcome === 'moved-there' || outcome === 'moved-elsewhere',
  );
  const figures = {
    settled: settled.length,
    open: open.length,
    outcomes,
    medianSecondsToEnd: medianSeconds(ended),
    medianSecondsToMove: medianSeconds(moved),
  };
  return { ...figures, text: summaryText(figures) };
}

/** Of those of which it is known to a tick: what happened while nobody looked says no time. */
function medianSeconds(moves: readonly SettledMove[]): number | null {
  const times = moves
    .filter(({ end }) => end.notBefore === undefined)
    .map(({ firstAt, end }) => Math.max(0, end.at - firstAt))
    .toSorted((a, b) => a - b);
  const [low, high] = [times[(times.length - 1) >> 1], times[times.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function summaryText(summary: Omit<ObservedSummary, 'text'>): string {
  const { settled, open, outcomes: of } = summary;
  const total = settled + open;
  if (total === 0) return 'no move was wanted where Drover only observes';
  const moved = of['moved-there'] + of['moved-elsewhere'];
  const told = [
    part(
      moved,
      `made by somebody (${of['moved-there']} to the same host)`,
      summary.medianSecondsToMove,
    ),
    part(
      of.ended,
      'needed no more: the finding ended while the VM stayed',
      summary.medianSecondsToEnd,
    ),
    part(of['other-vm'], 'given up for another VM'),
    part(of['not-planned'], 'given up by the plan, though the finding held'),
    part(of['carried-out'], 'carried out by Drover after all'),
    part(of.deleted, 'of a VM that was deleted'),
    part(of['powered-off'], 'of a VM that was powered off'),
    part(of.unknown, 'of which nobody knows, as Drover did not look'),
    part(open, 'still open'),
  ].filter((text) => text !== '');
  return `of ${countText(total, 'move')} that would have been made: ${told.join('; ')}`;
}

function part(count: number, what: string, median: number | null = null): string {
  if (count === 0) return '';
  const time = median === null ? '' : `, after ${durationText(median)} in the median`;
  return `${count} ${what}${time}`;
}
