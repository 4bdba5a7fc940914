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

/** Nobody but this file writes it: what is inside is not judged again. */
const kept = z.object({
  format: z.literal(FORMAT),
  at: z.number(),
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
  #isTidy = false;

  constructor(memory: AdapterMemory | undefined, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Undefined where nothing is kept. */
  async read(host: HostId): Promise<LastSeen | undefined> {
    const text = await this.#memory?.read(nameOf(host));
    if (text === undefined) return undefined;
    const { success, data } = kept.safeParse(parsed(text));
    if (!success) return undefined;
    this.#saidAt.set(host, data.at);
    return data.seen;
  }

  /** How long ago the host said what is known of it; undefined: nothing is known. */
  ageSeconds(host: HostId): number | undefined {
    const at = this.#saidAt.get(host);
    return at === undefined ? undefined : this.#clock.now() - at;
  }

  /** What the host says now. Written where something changed, and once an hour. */
  write(seen: LastSeen): Promise<void> {
    this.#saidAt.set(seen.facts.id, this.#clock.now());
    return this.#put(seen);
  }

  /** What it said, as moves have changed it since: it has said nothing anew. */
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
    const at = this.#saidAt.get(host) ?? this.#clock.now();
    const before = this.#written.get(host);
    if (before?.text === text && at - before.at < REWRITE_SECONDS) return;
    await this.#memory.write(nameOf(host), JSON.stringify({ format: FORMAT, at, seen }));
    this.#written.set(host, { text, at });
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
