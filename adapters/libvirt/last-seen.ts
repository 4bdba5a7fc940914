/**
 * What each host said last, kept over a restart of Drover: of a host that is dead by then it is all
 * that tells which guests it ran.
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
/** Older than this it tells too little: guests are moved and deleted while Drover is off. */
const GOOD_FOR_SECONDS = 86_400;

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

  constructor(memory: AdapterMemory | undefined, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Undefined where nothing is kept, or only what is too old. */
  async read(host: HostId): Promise<LastSeen | undefined> {
    const text = await this.#memory?.read(nameOf(host));
    if (text === undefined) return undefined;
    const { success, data } = kept.safeParse(parsed(text));
    if (!success || this.#clock.now() - data.at > GOOD_FOR_SECONDS) return undefined;
    return data.seen;
  }

  /** Written where something changed, and once an hour, so that it does not grow old. */
  async write(seen: LastSeen): Promise<void> {
    if (this.#memory === undefined) return;
    const host = seen.facts.id;
    const text = JSON.stringify(seen);
    const at = this.#clock.now();
    const before = this.#written.get(host);
    if (before?.text === text && at - before.at < GOOD_FOR_SECONDS / 24) return;
    await this.#memory.write(nameOf(host), JSON.stringify({ format: FORMAT, at, seen }));
    this.#written.set(host, { text, at });
  }
}

function nameOf(host: HostId): string {
  return `host ${host}`;
}

/** Undefined where it is no JSON: a file that somebody has touched is as good as none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
