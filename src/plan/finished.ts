/**
 * The ledger's moves as the learning wants them: live moves that succeeded, of VMs and between
 * hosts that are still there, with how many others went over the same links meanwhile.
 */

import type { MoveRecord } from '../domain/journal.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import { mapInSlices, type Slices } from '../domain/slices.ts';
import { vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { FinishedCopy } from './learn.ts';
import { type Crowd, linkBandwidth, measuredDirtying } from './predict.ts';

/** One move's time on the links of its hosts. */
interface Span {
  readonly record: MoveRecord;
  readonly start: number;
  readonly end: number;
}

/** Who else was under way, as means over the move's time. */
interface Company {
  readonly crowd: Crowd;
  /** What went the other way on both of its hosts' links. */
  readonly neighbours: number;
}

/** Moves between two looks at the time: each is compared with all others. */
const SLICE = 50;

/** `records`: finished or not; what failed or is under way had its share of the links too. */
export function* finishedCopies(
  records: readonly MoveRecord[],
  snapshot: Snapshot,
  migration: MigrationSettings,
): Slices<readonly FinishedCopy[]> {
  const hosts = new Map(snapshot.hosts.map((host) => [host.id, host]));
  const spans = records.map((record): Span => spanOf(record, snapshot.takenAt));
  const copies = yield* mapInSlices(spans, SLICE, (span): readonly FinishedCopy[] => {
    const { move, result } = span.record;
    const [vm, from, to] = [vmOf(snapshot, move.vm), hosts.get(move.from), hosts.get(move.to)];
    if (vm === undefined || from === undefined || to === undefined) return [];
    if (result?.outcome !== 'succeeded' || result.seconds === undefined) return [];
    if (move.method !== 'pre-copy') return [];
    const { crowd, neighbours } = companyOf(span, spans);
    const nominalBandwidth = linkBandwidth(from, to, migration);
    return [
      {
        vm: vm.id,
        from: from.id,
        to: to.id,
        endedAt: result.at,
        seconds: span.end - span.start,
        bytes: result.bytes,
        memoryBytes: vm.memoryBytes,
        dirtying: measuredDirtying(vm),
        nominalBandwidth,
        sharing: nominalBandwidth / linkBandwidth(from, to, migration, crowd),
        neighbours,
      },
    ];
  });
  return copies.flat();
}

/** What waits in a platform's queue takes nothing of a link, and shows nothing of its own pace. */
function spanOf(record: MoveRecord, now: number): Span {
  const { at: end = now, seconds, queuedSeconds = 0 } = record.result ?? {};
  return { record, start: end - ((seconds ?? end - record.openedAt) - queuedSeconds), end };
}

function companyOf(span: Span, spans: readonly Span[]): Company {
  const { from, to } = span.record.move;
  let [out, into, opposite] = [0, 0, 0];
  for (const other of spans) {
    const shared = Math.min(span.end, other.end) - Math.max(span.start, other.start);
    if (other === span || shared <= 0) continue;
    const { move } = other.record;
    if (move.from === from) out += shared;
    if (move.to === to) into += shared;
    if (move.to === from) opposite += shared;
    if (move.from === to) opposite += shared;
  }
  const time = Math.max(span.end - span.start, Number.MIN_VALUE);
  const hosts = 1 + Math.max(out, into) / time;
  return { crowd: { hosts, uplink: () => 1 }, neighbours: opposite / time };
}
