/**
 * The ledger's moves as the learning wants them: live moves that succeeded, of VMs and between
 * hosts that are still there, with how many others went over the same links meanwhile.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { MoveRecord } from '../domain/journal.ts';
import { sharedLinks } from '../domain/links.ts';
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
  /** Of the uplinks on its way, by name; of hosts that are gone nobody knows any. */
  readonly uplinks: readonly string[];
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
  const spans = records.map((record): Span => spanOf(record, hosts, snapshot.takenAt));
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
function spanOf(record: MoveRecord, hosts: ReadonlyMap<HostId, Host>, now: number): Span {
  const { from, to } = record.move;
  const { at: end = now, seconds, queuedSeconds = 0 } = record.result ?? {};
  const start = end - ((seconds ?? end - record.openedAt) - queuedSeconds);
  const [source, target] = [hosts.get(from), hosts.get(to)];
  const links = source === undefined || target === undefined ? [] : sharedLinks(source, target);
  return { record, start, end, uplinks: links.map(({ name }) => name) };
}

function companyOf(span: Span, spans: readonly Span[]): Company {
  const { from, to } = span.record.move;
  let [out, into, opposite] = [0, 0, 0];
  const over = new Map(span.uplinks.map((name) => [name, 0]));
  for (const other of spans) {
    const shared = Math.min(span.end, other.end) - Math.max(span.start, other.start);
    if (other === span || shared <= 0) continue;
    const { move } = other.record;
    if (move.from === from) out += shared;
    if (move.to === to) into += shared;
    if (move.to === from) opposite += shared;
    if (move.from === to) opposite += shared;
    for (const name of other.uplinks) {
      const known = over.get(name);
      if (known !== undefined) over.set(name, known + shared);
    }
  }
  const time = Math.max(span.end - span.start, Number.MIN_VALUE);
  const hosts = 1 + Math.max(out, into) / time;
  const uplink = (name: string): number => 1 + (over.get(name) ?? 0) / time;
  return { crowd: { hosts, uplink }, neighbours: opposite / time };
}
