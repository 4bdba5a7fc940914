/**
 * One host of the source: its connections, and what it said about itself. Knows no other host.
 */

import { allStatsOf, domainsOf, expandCpu } from './calls/node.ts';
import { isPersistent, withDomain, xmlOf, type Domain } from './calls/domain.ts';
import type { Definitions } from './definitions.ts';
import { HostLink, type Lane } from './host-link.ts';
import {
  surveyHost,
  surveyStorage,
  type HostIdentity,
  type HostSurvey,
  type StorageSurvey,
} from './host-survey.ts';
import { type LastSeen, type LastSeenHosts, lastSeenOf } from './last-seen.ts';
import { ERROR, STATS, XML } from './native/constants.ts';
import {
  CallTimeout,
  isLibvirtError,
  isUnanswered,
  LibvirtError,
  messageOf,
} from './native/errors.ts';
import type { Session } from './native/session.ts';
import { numberIn, textIn, type TypedParams } from './native/typed-params.ts';
import { type DomainStatus, isOff, sightingStateOf, statusOf } from './domain-status.ts';
import { describeGuest } from './vm-survey.ts';
import { cpuXml, featuresOfExpanded } from './xml/cpu.ts';
import { DocumentError } from './xml/document.ts';
import { readDomain, type DomainDocument } from './xml/domain.ts';
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Sighting, VmFacts } from '../../src/ports/hypervisor.ts';

/** A guest as found on one host, with the state that tells copies of it apart. */
export interface FoundGuest {
  readonly vm: VmFacts;
  readonly sighting: Sighting;
}

/** A guest whose document says something that nobody here understands. */
export interface UnreadGuest {
  readonly uuid: string;
  /** It is not only a stored definition. */
  readonly isThere: boolean;
}

export interface HostInventory {
  readonly survey: HostSurvey;
  readonly guests: readonly FoundGuest[];
  readonly unread: readonly UnreadGuest[];
  readonly problems: readonly string[];
}

/** What outlives a run of Drover. */
export interface Kept {
  readonly hosts: LastSeenHosts;
  readonly definitions: Definitions;
}

export class LibvirtHost {
  readonly identity: HostIdentity;
  readonly link: HostLink;
  readonly #kept: Kept;
  /** The last answer of this run. */
  #last: LastSeen | undefined;
  /** Inventories that were asked for so far. */
  #asked = 0;
  /** Guests that moves have brought, and how often it had been asked by then. */
  readonly #arrived = new Map<VmId, { readonly guest: FoundGuest; readonly asked: number }>();
  /** Features of CPU descriptions that were spelled out before, by description. */
  readonly #expanded = new Map<string, readonly string[]>();

  constructor(identity: HostIdentity, kept: Kept) {
    this.identity = identity;
    this.#kept = kept;
    const { callSeconds, keepAlive } = identity.common;
    this.link = new HostLink(identity.own.uri, { callSeconds, keepAlive });
  }

  get id(): HostId {
    return this.identity.id;
  }

  /** Where other hosts' daemons reach this one. */
  get migrateUri(): string {
    return this.identity.own.migrateUri ?? this.identity.own.uri;
  }

  /** Runs `task` on the domain; undefined where this host does not know it. */
  onDomain<T>(
    uuid: string,
    what: string,
    task: (domain: Domain) => Promise<T>,
    options: { readonly signal?: AbortSignal; readonly lane?: Lane } = {},
  ): Promise<T | undefined> {
    const { signal, lane = 'control' } = options;
    return this.link.use(lane, what, (session) => withDomain(session, uuid, task), signal);
  }

  /** Where and how the domain is here; undefined: not at all. */
  sight(uuid: string, signal?: AbortSignal): Promise<Sighting | undefined> {
    const looking = async (domain: Domain): Promise<Sighting> => {
      const state = sightingStateOf(await statusOf(domain));
      return { host: this.id, state, persistent: await isPersistent(domain) };
    };
    return this.onDomain(uuid, 'locating', looking, signal === undefined ? {} : { signal });
  }

  /** Asks the host about itself. */
  survey(signal?: AbortSignal): Promise<HostSurvey> {
    const asking = (session: Session): Promise<HostSurvey> => surveyHost(session, this.identity);
    return this.link.use('inventory', 'describing the host', asking, signal);
  }

  /** Asks the host about its storage alone. */
  storage(signal?: AbortSignal): Promise<StorageSurvey> {
    const asking = (session: Session): Promise<StorageSurvey> =>
      surveyStorage(session, this.identity);
    return this.link.use('control', 'describing the storage', asking, signal);
  }

  async inventory(signal: AbortSignal): Promise<HostInventory> {
    this.#asked += 1;
    const asked = this.#asked;
    const survey = await this.survey(signal);
    const list = await this.link.use('inventory', 'listing guests', domainsOf, signal);
    const disks = await this.#diskSizes(signal);
    const guests: FoundGuest[] = [];
    const unread: UnreadGuest[] = [];
    const problems: string[] = [];
    for (const uuid of list.toSorted()) {
      if (signal.aborted) throw new CallTimeout('inventory: cancelled');
      const told = await this.#describe(uuid, { survey, disks: disks.get(uuid), signal });
      if (told === undefined) continue;
      if ('found' in told) guests.push(told.found);
      else unread.push(told.unread);
      if (told.problem !== undefined) problems.push(told.problem);
    }
    const inventory = { survey, guests, unread, problems };
    for (const [vm, arrival] of this.#arrived) {
      // It was asked after that: it has told of the guest by itself, or it has gone again.
      if (arrival.asked < asked) this.#arrived.delete(vm);
    }
    this.#last = withArrivals(lastSeenOf(inventory), this.#arrived.values());
    return { ...inventory, problems: [...problems, ...(await this.#keep(this.#last, 'said'))] };
  }

  /** For when it does not answer: what it said last, to this run of Drover or an earlier one. */
  async last(): Promise<LastSeen | undefined> {
    this.#last ??= await this.#kept.hosts.read(this.id);
    return this.#last;
  }

  /** How long ago it said {@link last}; undefined: nothing is known. */
  lastAgeSeconds(): number | undefined {
    return this.#kept.hosts.ageSeconds(this.id);
  }

  /** That is kept, too. Returns how long nobody had looked before ({@link LastSeenHosts}). */
  async lookedInVain(): Promise<number> {
    const last = await this.last();
    if (last !== undefined) await this.#keep(last, 'amended');
    return this.#kept.hosts.unwatchedSeconds(this.id);
  }

  /**
   * A move has brought the guest, as was seen: until the host is asked again it belongs to what it
   * said last. Were it to die before that, nobody would know what it ran.
   */
  async tookIn({ vm, sighting }: FoundGuest): Promise<void> {
    const guest = { vm: { ...vm, host: this.id }, sighting: { ...sighting, host: this.id } };
    this.#arrived.set(vm.id, { guest, asked: this.#asked });
    const last = await this.last();
    if (last === undefined) return;
    this.#last = withArrivals(last, this.#arrived.values());
    await this.#keep(this.#last, 'amended');
  }

  /**
   * A move has given the guest other disks: what was kept of it would start it from the old ones.
   * Until it is seen anew it cannot be restarted.
   */
  forget(vm: VmId): Promise<void> {
    return this.#kept.definitions.forget(vm);
  }

  /**
   * A guest that was forgotten, as it is here now. Undefined: it was not, or it cannot be told now;
   * the next inventory tells.
   */
  async seeAnew(vm: VmId, signal: AbortSignal): Promise<FoundGuest | undefined> {
    if (!this.#kept.definitions.isForgotten(vm)) return undefined;
    try {
      const survey = await this.survey(signal);
      const disks = (await this.#diskSizes(signal)).get(vm);
      const told = await this.#describe(vm, { survey, disks, signal });
      return told !== undefined && 'found' in told ? told.found : undefined;
    } catch (error) {
      const isTold = error instanceof LibvirtError || error instanceof DocumentError;
      if (!isTold && !isUnanswered(error)) throw error;
      return undefined;
    }
  }

  /** A move has taken the guest away. */
  async gaveAway(vm: VmId): Promise<void> {
    this.#arrived.delete(vm);
    const last = await this.last();
    if (last?.guests.some((one) => one.vm.id === vm) !== true) return;
    this.#last = { ...last, guests: last.guests.filter((one) => one.vm.id !== vm) };
    await this.#keep(this.#last, 'amended');
  }

  /**
   * The features that a guest with this document sees here; undefined: cannot be found out. A
   * running guest's document has been completed by libvirt (check='full').
   */
  async visibleFeatures(
    session: Session,
    document: DomainDocument,
    survey: HostSurvey,
  ): Promise<readonly string[] | undefined> {
    const { cpu } = document;
    if (cpu?.model === undefined) return undefined;
    const xml = cpuXml(cpu);
    const key = `${document.type} ${document.arch} ${xml}`;
    const known = this.#expanded.get(key);
    if (known !== undefined) return known;
    const { arch } = survey.capabilities;
    const on = { emulator: null, arch: document.arch ?? arch, machine: null, type: document.type };
    const expanded = await unlessDeclined(expandCpu(session, on, xml));
    if (expanded === undefined) return undefined;
    const features = featuresOfExpanded(expanded);
    this.#expanded.set(key, features);
    return features;
  }

  close(): Promise<void> {
    return this.link.close();
  }

  #describe(uuid: string, context: DescribeContext): Promise<Described | undefined> {
    const { signal } = context;
    const describing = async (domain: Domain): Promise<Described> => {
      let isThere = true;
      try {
        const status = await statusOf(domain);
        isThere = !isOff(status);
        const xml = await xmlOf(domain, XML.live);
        return await this.#describeAs(domain, { uuid, status, xml }, context);
      } catch (error) {
        if (!isOfOneGuest(error)) throw error;
        const then = isThere ? '; its host counts as occupied, and takes nothing in' : '';
        const problem = `${this.id}: guest ${uuid}: ${messageOf(error)}${then}`;
        return { unread: { uuid, isThere }, problem };
      }
    };
    return this.onDomain(uuid, `describing ${uuid}`, describing, { signal, lane: 'inventory' });
  }

  async #describeAs(
    domain: Domain,
    { uuid, status, xml }: Shown,
    { survey, disks }: DescribeContext,
  ): Promise<Described> {
    const document = readDomain(xml);
    const vm = describeGuest(document, {
      source: this.identity.source,
      host: this.id,
      survey,
      options: this.identity.common,
      status,
      diskBytes: disks ?? new Map(),
      features: await this.visibleFeatures(domain.session, document, survey),
    });
    const state = sightingStateOf(status);
    const why =
      state === 'running' ? await this.#kept.definitions.note(domain, uuid, xml) : undefined;
    const persistent = await isPersistent(domain);
    const problem = why === undefined ? undefined : `${vm.name}: ${why}`;
    return { found: { vm, sighting: { host: this.id, state, persistent } }, problem };
  }

  /** What could not be written is a problem for later, and none for now. */
  async #keep(seen: LastSeen, how: 'said' | 'amended'): Promise<string[]> {
    const { hosts } = this.#kept;
    try {
      await (how === 'said' ? hosts.write(seen) : hosts.amend(seen));
      return [];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [`${this.id}: what it said could not be kept for a restart of Drover: ${reason}`];
    }
  }

  async #diskSizes(signal: AbortSignal): Promise<Map<string, ReadonlyMap<string, number>>> {
    const asking = (session: Session) => allStatsOf(session, STATS.state | STATS.block);
    const all = await this.link.use('inventory', 'disk sizes', asking, signal);
    return new Map(all.map(({ uuid, stats }) => [uuid, diskBytes(stats)]));
  }
}

export function isRunning({ sighting }: FoundGuest): boolean {
  return sighting.state === 'running';
}

function withArrivals(
  last: LastSeen,
  arrivals: Iterable<{ readonly guest: FoundGuest }>,
): LastSeen {
  // What it told of one in the middle of its move was of a definition, or of half a guest.
  const here = new Set(last.guests.filter(isRunning).map(({ vm }) => vm.id));
  const more = [...arrivals].map(({ guest }) => guest).filter(({ vm }) => !here.has(vm.id));
  if (more.length === 0) return last;
  const anew = new Set(more.map(({ vm }) => vm.id));
  return { ...last, guests: [...last.guests.filter(({ vm }) => !anew.has(vm.id)), ...more] };
}

/** What one guest is not understood or not told for: the others of its host are. */
function isOfOneGuest(error: unknown): error is Error {
  return error instanceof DocumentError || isDeclined(error);
}

/** An answer, of a guest that has not gone meanwhile. */
function isDeclined(error: unknown): error is LibvirtError {
  const isAnswer = error instanceof LibvirtError && !isUnanswered(error);
  return isAnswer && !isLibvirtError(error, ERROR.noDomain);
}

/** Undefined where libvirt says that it cannot. */
async function unlessDeclined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!isDeclined(error)) throw error;
    return undefined;
  }
}

/** With what could not be kept of it, or why it could not be read. */
type Described =
  | { readonly found: FoundGuest; readonly problem: string | undefined }
  | { readonly unread: UnreadGuest; readonly problem: string };

/** A guest as its host shows it. */
interface Shown {
  readonly uuid: string;
  readonly status: DomainStatus;
  readonly xml: string;
}

interface DescribeContext {
  readonly survey: HostSurvey;
  readonly disks: ReadonlyMap<string, number> | undefined;
  readonly signal: AbortSignal;
}

function diskBytes(stats: TypedParams): Map<string, number> {
  const sizes = new Map<string, number>();
  for (let index = 0; index < (numberIn(stats, 'block.count') ?? 0); index += 1) {
    const name = textIn(stats, `block.${index}.name`);
    const capacity = numberIn(stats, `block.${index}.capacity`);
    if (name !== undefined && capacity !== undefined) sizes.set(name, capacity);
  }
  return sizes;
}
