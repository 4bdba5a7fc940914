/**
 * What each host said last, kept over a restart of Drover: of a host that is dead by then it is all
 * that tells which guests it ran. However old it is: a host that nobody knew any more would count
 * as scrapped, and nobody would miss its guests.
 */

import { z } from 'zod';

import type { AdapterMemory } from '../adapter.ts';
import type { FoundGuest, HostInventory } from './host.ts';
import type { Place } from './storage-map.ts';
import type { HostId } from '../../src/domain/ids.ts';
import { withUnlisted } from '../../src/domain/unlisted.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HostFacts } from '../../src/ports/hypervisor.ts';

export interface LastSeen {
  readonly facts: HostFacts;
  readonly reach: readonly Place[];
  readonly guests: readonly FoundGuest[];
}

/** Raised with every change of what is kept. */
const FORMAT = 1;
/** How wrong the age of what is kept may be, where nothing has changed. */
const REWRITE_SECONDS = 3600;
const PREFIX = 'host ';
/**
 * From here on whoever reads of the fleet is told how old that is which is known of a host, and
 * nothing is restarted from it where nobody looked after the host for so long.
 */
export const LONG_SECONDS = 86_400;

/** Nobody but this file writes it: what is inside is not judged again. */
const kept = z.object({
  format: z.literal(FORMAT),
  at: z.number(),
  /** When a run of Drover looked for it last, in vain or not; absent in files of before. */
  watchedAt: z.number().optional(),
  seen: z.custom<LastSeen>((seen) => typeof seen === 'object' && seen !== null),
});

export function lastSeenOf({ survey, guests, unread }: HostInventory): LastSeen {
  const there = unread.filter(({ isThere }) => isThere).map(({ uuid }) => uuid);
  const facts = withUnlisted(survey.facts, there);
  return { facts, reach: survey.storage.reach, guests };
}

export class LastSeenHosts {
  readonly #memory: AdapterMemory | undefined;
  readonly #clock: Clock;
  readonly #written = new Map<HostId, { readonly text: string; readonly at: number }>();
  /** When each host said what is known of it, to this run of Drover or an earlier one. */
  readonly #saidAt = new Map<HostId, number>();
  /** Of hosts that have said nothing to this run: when a run before it looked for the last time. */
  readonly #watchedBefore = new Map<HostId, number>();
  readonly #startedAt: number;
  #isTidy = false;

  constructor(memory: AdapterMemory | undefined, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Undefined where nothing is kept. */
  async read(host: HostId): Promise<LastSeen | undefined> {
    const text = await this.#memory?.read(nameOf(host));
    if (text === undefined) return undefined;
    const { success, data } = kept.safeParse(parsed(text));
    if (!success) return undefined;
    this.#saidAt.set(host, data.at);
    this.#watchedBefore.set(host, data.watchedAt ?? data.at);
    return data.seen;
  }

  /** How long nobody had looked at a host that is silent since this run began; 0: it was not. */
  unwatchedSeconds(host: HostId): number {
    const before = this.#watchedBefore.get(host);
    return before === undefined ? 0 : Math.max(0, this.#startedAt - before);
  }

  /** How long ago the host said what is known of it; undefined: nothing is known. */
  ageSeconds(host: HostId): number | undefined {
    const at = this.#saidAt.get(host);
    return at === undefined ? undefined : this.#clock.now() - at;
  }

  /** What the host says now. Written where something changed, and once an hour. */
  write(seen: LastSeen): Promise<void> {
    this.#saidAt.set(seen.facts.id, this.#clock.now());
    this.#watchedBefore.delete(seen.facts.id);
    return this.#put(seen);
  }

  /** What it said, as moves may have changed it since: it was looked at, and has said nothing. */
  amend(seen: LastSeen): Promise<void> {
    return this.#put(seen);
  }

  /**
   * Forgets hosts that are configured no more; who is does not change in a run. Never rejects: a
   * file that stays is in nobody's way, and tried again by the next run.
   */
  async keepOnly(hosts: Iterable<HostId>): Promise<void> {
    if (this.#memory === undefined || this.#isTidy) return;
    this.#isTidy = true;
    const names = new Set([...hosts].map(nameOf));
    try {
      for (const name of await this.#memory.names()) {
        if (name.startsWith(PREFIX) && !names.has(name)) await this.#memory.remove(name);
      }
    } catch {
      // As above.
    }
  }

  async #put(seen: LastSeen): Promise<void> {
    if (this.#memory === undefined) return;
    const host = seen.facts.id;
    const text = JSON.stringify(seen);
    const now = this.#clock.now();
    const at = this.#saidAt.get(host) ?? now;
    const before = this.#written.get(host);
    if (before?.text === text && now - before.at < REWRITE_SECONDS) return;
    const watchedAt = this.#watchedAt(host, now);
    await this.#memory.write(nameOf(host), JSON.stringify({ format: FORMAT, at, watchedAt, seen }));
    this.#written.set(host, { text, at: now });
  }

  /** Where nobody had looked for long, that stays so until the host speaks, also for later runs. */
  #watchedAt(host: HostId, now: number): number {
    const before = this.#watchedBefore.get(host);
    return before !== undefined && this.unwatchedSeconds(host) >= LONG_SECONDS ? before : now;
  }
}

function nameOf(host: HostId): string {
  return PREFIX + host;
}

/** Undefined where it is no JSON: a file that somebody has touched is as good as none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
