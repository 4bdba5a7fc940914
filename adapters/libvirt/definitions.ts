/**
 * The definitions of the guests, kept outside of their hosts: when a host is dead, its guests can
 * be started elsewhere only by whoever still knows what they are. Of each guest there is one,
 * wherever it runs. It holds the secrets of the original (a console's password), or the guest
 * would come up without them.
 */

import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { AdapterMemory } from '../adapter.ts';
import { autostartOf, isPersistent, type Domain } from './calls/domain.ts';
import { noteOf } from './moves/note.ts';
import { definitionOf } from './moves/settle.ts';
import { ERROR } from './native/constants.ts';
import { isLibvirtError, isUnanswered, messageOf } from './native/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';

const schema = z.object({
  /** As another host can take it. */
  xml: z.string().min(1),
  /** Its host starts it at boot. */
  autostart: z.boolean(),
});
export type GuestDefinition = z.output<typeof schema>;

/** Why a guest without one cannot be restarted. */
export const UNDEFINED =
  'its definition is not known: it is transient, or was never seen running by this Drover, or ' +
  'not since a move has given it other disks';

/**
 * A change that touches the running guest is seen at the next look; one of the stored definition
 * alone (`virsh edit`), which counts from the next boot on, after this.
 */
const AGAIN_SECONDS = 600;
/** Files of guests that are gone are looked for this often. */
const TIDY_SECONDS = 3600;
const PREFIX = 'guest ';

interface Known {
  readonly live: string;
  readonly stored: string;
  readonly at: number;
}

export class Definitions {
  readonly #memory: AdapterMemory | undefined;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  /** Those whose definition may have stayed in a folder that cannot be written to. */
  readonly #forgotten = new Set<string>();
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(memory: AdapterMemory | undefined, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Undefined: it was never seen with a stored definition. */
  async read(uuid: string): Promise<GuestDefinition | undefined> {
    if (this.#forgotten.has(uuid)) return undefined;
    const text = await this.#memory?.read(PREFIX + uuid);
    return text === undefined ? undefined : schema.parse(JSON.parse(text));
  }

  /**
   * Of a guest that runs; `liveXml` is its document as it is now. Undefined: its definition is
   * kept, or it has none; else why it could not be: it is asked again at the next look.
   */
  async note(domain: Domain, uuid: string, liveXml: string): Promise<string | undefined> {
    try {
      await this.#note(domain, uuid, liveXml);
      return undefined;
    } catch (error) {
      if (isUnanswered(error) || isLibvirtError(error, ERROR.noDomain)) throw error;
      return `it cannot be restarted when its host dies: ${messageOf(error)}`;
    }
  }

  /** What is kept is not true any more: until it is noted anew, the guest cannot be restarted. */
  async forget(uuid: string): Promise<void> {
    this.#known.delete(uuid);
    this.#forgotten.add(uuid);
    // It is not read again; and where nothing can be written, noting it anew fails, which is told.
    await this.#memory?.remove(PREFIX + uuid).catch(() => undefined);
  }

  /** And not noted anew. */
  isForgotten(uuid: string): boolean {
    return this.#forgotten.has(uuid);
  }

  /** Forgets all other guests; to be told only when every host has answered. */
  async keepOnly(uuids: ReadonlySet<string>): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#memory === undefined || now - this.#tidiedAt < TIDY_SECONDS) return;
    this.#tidiedAt = now;
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
    for (const uuid of this.#forgotten) if (!uuids.has(uuid)) this.#forgotten.delete(uuid);
    for (const name of await this.#memory.names()) {
      const isOver = name.startsWith(PREFIX) && !uuids.has(name.slice(PREFIX.length));
      if (isOver) await this.#memory.remove(name);
    }
  }

  async #note(domain: Domain, uuid: string, liveXml: string): Promise<void> {
    if (this.#memory === undefined) return;
    const live = digest(liveXml);
    const at = this.#clock.monotonic();
    const before = this.#known.get(uuid);
    if (before?.live === live && at - before.at < AGAIN_SECONDS) return;
    // Without a stored definition it ceases to exist with its host, by its owner's wish.
    if (!(await isPersistent(domain))) return;
    const xml = await definitionOf(domain);
    // While it is moved, its autostart may be off and stands in the note; a note that only names
    // volumes that were left behind says nothing of it.
    const autostart = (await noteOf(domain))?.autostart === true || (await autostartOf(domain));
    const text = JSON.stringify({ xml, autostart });
    const stored = digest(text);
    if (before?.stored !== stored) await this.#memory.write(PREFIX + uuid, text);
    this.#known.set(uuid, { live, stored, at });
    this.#forgotten.delete(uuid);
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
