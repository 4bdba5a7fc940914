/** One source as the collector asks it again and again, and how it does. */

import type { SourceId } from '../domain/ids.ts';
import type { SourceStatus } from '../domain/measured.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Inventory } from '../ports/hypervisor.ts';
import type { Reading } from '../ports/metric-source.ts';
import type { Directory } from './fleet.ts';
import type { LossWatch } from './lost-guests.ts';
import type { PollStatus, SourcePoll } from './source-poll.ts';
import type { SourceTable } from './source-table.ts';

export interface PolledSource {
  readonly source: SourceId;
  /** Undefined for a metric store. */
  readonly inventoryPoll: SourcePoll<Inventory> | undefined;
  readonly metricPoll: SourcePoll<Reading>;
  readonly table: SourceTable;
  /** The last one that is believed. */
  inventory: Inventory | undefined;
  readonly losses: LossWatch;
  /** When that was asked for; monotonic. */
  askedAt: Seconds | undefined;
  /** Of its own inventory; undefined: the samples are about anybody's hosts and VMs. */
  directory: Directory | undefined;
  healthAt: EpochSeconds | undefined;
  problems: ReadonlySet<string>;
  announced: SourceStatus['state'] | undefined;
}

/** By this process' monotonic clock: when each was asked for the inventory that is in force. */
export function askedAtOf(sources: readonly PolledSource[]): ReadonlyMap<SourceId, Seconds> {
  return new Map(
    sources.flatMap(({ source, askedAt }) => (askedAt === undefined ? [] : [[source, askedAt]])),
  );
}

/** The worse of a hypervisor's two conversations, inventory and metrics. */
export function statusOf(source: PolledSource): SourceStatus {
  const polls: PollStatus[] = [source.metricPoll.status()];
  if (source.inventoryPoll !== undefined) polls.push(source.inventoryPoll.status());
  const answers = polls.map((poll) => poll.lastAnswerAt ?? -Infinity);
  const earliest = Math.min(...answers);
  // Where both fail, they fail for the same reason: it is said once.
  const details = polls.map((poll) => poll.detail).filter((detail) => detail !== '');
  return {
    source: source.source,
    state:
      (['down', 'late', 'up'] as const).find((state) =>
        polls.some((poll) => poll.state === state),
      ) ?? 'up',
    // One of the two answers' own time, so it keeps its brand.
    lastAnswerAt: polls.map((poll) => poll.lastAnswerAt).find((at) => at === earliest),
    consecutiveFailures: Math.max(...polls.map((poll) => poll.consecutiveFailures)),
    detail: details[0] ?? '',
  };
}
