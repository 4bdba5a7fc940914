/**
 * What other hosts of the fleet say of one that does not answer. Who reaches it proves that it
 * lives. Who does not may have a fault of its own: it counts only where the same question about a
 * host that answers has the other answer, and one alone proves nothing. Two at least have to say
 * so, and none the contrary.
 */

import { takesIn } from '../domain/compatibility.ts';
import type { HostSign } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';
import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { PeerAnswer, PeerProbe } from '../ports/peer-probe.ts';
import { callWithin } from './call.ts';

/** Hosts that agree before their silence counts. */
const ENOUGH = 2;

/** What a question needs of its host. */
export type Asked = Pick<Host, 'id' | 'name' | 'source' | 'cluster'>;

export interface Told {
  /** Its name. */
  readonly peer: string;
  readonly answer: PeerAnswer;
}

export interface PeerParts {
  readonly clock: Clock;
  readonly probe: PeerProbe;
  /** The fleet, without those whose own failure is on record. */
  readonly hosts: readonly Host[];
  readonly limit: Seconds;
}

/** Asks all peers at once. Never rejects: a peer that cannot be asked is an answer, too. */
export async function askPeers(host: Asked, parts: PeerParts): Promise<HostSign> {
  const { probe, hosts } = parts;
  if (!probe.covers(host)) return peersSign([], `${host.name} is no plain host name`);
  const peers = peersOf(
    host,
    hosts.filter((one) => probe.covers(one)),
    probe.peers,
  );
  const asked = peers.map(async (peer, index): Promise<Told> => {
    const answer = await askOne(peer, host, parts);
    if (answer.kind !== 'does-not-reach') return { peer: peer.name, answer };
    // The next of them, the first after the last; one alone is asked about nobody.
    const control = peers[(index + 1) % peers.length] ?? peer;
    return { peer: peer.name, answer: await borneOut(peer, control, parts) };
  });
  return peersSign(await Promise.all(asked));
}

/**
 * Whether the question tells two hosts apart at all: a name that nobody knows, a closed port or a
 * network that is not there has the same answer for every host.
 */
async function borneOut(peer: Host, control: Host, parts: PeerParts): Promise<PeerAnswer> {
  if (control === peer) return { kind: 'does-not-reach' };
  const answer = await askOne(peer, control, parts);
  if (answer.kind === 'reaches') return { kind: 'does-not-reach' };
  const why = answer.kind === 'unknown' ? ` (${answer.detail})` : '';
  return { kind: 'unknown', detail: `it does not reach ${control.name} either${why}` };
}

async function askOne(peer: Host, host: Asked, parts: PeerParts): Promise<PeerAnswer> {
  const { clock, limit, probe } = parts;
  try {
    return await callWithin(clock, limit, peer.source, (signal) => probe.ask(peer, host, signal));
  } catch (error) {
    return { kind: 'unknown', detail: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Who is asked, at most `most`: hosts that answer and are in service, those of its cluster first,
 * then the others of its source, by id. One that goes by the name of another, or of the host
 * itself, is not: the same machine would be asked twice.
 */
export function peersOf(host: Asked, hosts: readonly Host[], most: number): readonly Host[] {
  const isNear = ({ cluster }: Host): boolean => cluster !== undefined && cluster === host.cluster;
  const rank = (one: Host): number => (isNear(one) ? 0 : 1);
  const able = hosts
    .filter((one) => one.id !== host.id && isWell(one))
    .filter((one) => isNear(one) || one.source === host.source)
    .toSorted((a, b) => rank(a) - rank(b) || compareText(a.id, b.id));
  const names = new Set([host.name]);
  const distinct = able.filter(({ name }) => {
    const isNew = !names.has(name);
    names.add(name);
    return isNew;
  });
  return distinct.slice(0, most);
}

/** Who is quarantined, emptied or in maintenance may have a fault, or its cables pulled. */
function isWell({ connection, failure, state }: Host): boolean {
  return connection === 'connected' && failure === undefined && takesIn(state);
}

/** @param nobody why nobody was asked, where there are no answers. */
export function peersSign(told: readonly Told[], nobody = 'no other host to ask'): HostSign {
  const reaching = namesOf(told, 'reaches');
  const failing = namesOf(told, 'does-not-reach');
  if (reaching.length > 0) {
    const verb = reaching.length === 1 ? 'reaches' : 'reach';
    return { kind: 'peers', verdict: 'alive', detail: `${listed(reaching)} ${verb} it` };
  }
  if (failing.length >= ENOUGH) {
    return { kind: 'peers', verdict: 'silent', detail: `${listed(failing)} do not reach it` };
  }
  const unknown = told.flatMap(({ peer, answer }) =>
    answer.kind === 'unknown' ? [`${peer}: ${answer.detail}`] : [],
  );
  const parts = [...failing.map((name) => `only ${name} does not reach it`), ...unknown];
  return { kind: 'peers', verdict: 'unknown', detail: parts.join('; ') || nobody };
}

function namesOf(told: readonly Told[], kind: PeerAnswer['kind']): readonly string[] {
  return told.filter(({ answer }) => answer.kind === kind).map(({ peer }) => peer);
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
