/**
 * What keeps whole clusters or sources from being balanced, or a host from being emptied, in plain
 * sentences, for people.
 */

import type { Limits } from '../domain/policy.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { unlistedText } from '../domain/unlisted.ts';
import { implausibleInSlices } from '../execute/implausible.ts';
import type { EventSink } from '../ports/events.ts';

export function guardNotes(
  snapshot: Snapshot,
  limits: Pick<Limits, 'nativeBalancer'>,
): readonly string[] {
  return inOneGo(guardNotesInSlices(snapshot, limits));
}

export function* guardNotesInSlices(
  snapshot: Snapshot,
  { nativeBalancer }: Pick<Limits, 'nativeBalancer'>,
): Slices<readonly string[]> {
  const balanced = new Map<string, string>();
  for (const { balancedBy, cluster, source } of snapshot.hosts) {
    const where = cluster === undefined ? `source ${source}` : `cluster ${cluster}`;
    if (balancedBy !== undefined) balanced.set(where, balancedBy);
  }
  const made =
    nativeBalancer === 'mandatory' ? 'only mandatory moves are made' : 'nothing is moved';
  const implausible = yield* implausibleInSlices(snapshot);
  const blocked = snapshot.hosts
    .filter(({ state }) => state === 'draining' || state === 'evacuating')
    .map((host) => unlistedText(host, snapshot.vms));
  return [
    ...blocked.filter((text) => text !== undefined),
    ...[...balanced].map(
      ([where, by]) =>
        `${where} is balanced by ${by}: ${made} there, two must not balance the same VMs ` +
        '(limits.nativeBalancer)',
    ),
    ...[...implausible].map(
      ([source, reason]) => `${source}: ${reason}: nothing is moved for load until that is clear`,
    ),
  ];
}

/** Tells each of them once, when it begins. */
export class GuardNotes {
  readonly #events: EventSink;
  #told: ReadonlySet<string> = new Set();

  constructor(events: EventSink) {
    this.#events = events;
  }

  tell(notes: readonly string[]): void {
    for (const text of notes) {
      if (!this.#told.has(text)) this.#events.emit('warning', { key: `guard ${text}`, text });
    }
    this.#told = new Set(notes);
  }
}
