/**
 * What drover.yaml names and the fleet does not have, in plain sentences, for people: a device or
 * an address under a mistyped name is never asked, and nobody notices before a host dies.
 */

import type { DaemonConfig } from '../config/daemon.ts';
import { nearest } from '../config/problem.ts';
import type { Host } from '../domain/host.ts';
import { listed } from '../domain/listed.ts';
import type { HostFailureSettings } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Fencing } from '../ports/fencing.ts';
import { isWhole } from '../rules/own-vms.ts';
import type { PolicyStore } from './policy-store.ts';

type Naming = Pick<DaemonConfig, 'sources' | 'fencing' | 'probes' | 'guestProbes'>;
type Fleet = Pick<Snapshot, 'hosts' | 'vms' | 'sources'>;

/** A name of drover.yaml that nothing in the fleet has. */
export interface StrangeName {
  readonly list: 'fencing' | 'probes' | 'guestProbes';
  readonly name: string;
  /** For people. */
  readonly text: string;
}

export function strangeNames(config: Naming, fleet: Fleet): readonly StrangeName[] {
  const { fencing, probes, guestProbes, sources } = config;
  if (fencing.length + probes.length + guestProbes.length === 0) return [];
  if (!isWhole(fleet) || !sources.every((source) => showsAll(source, fleet))) return [];
  const hosts = strangers('host', fleet.hosts);
  const vms = tellsAllGuests(fleet) ? strangers('VM', fleet.vms) : () => [];
  const never = 'its address is never asked';
  return [
    ...hosts('fencing', namesOf(fencing), 'its device is never used'),
    ...hosts('probes', namesOf(probes), never),
    ...vms(
      'guestProbes',
      guestProbes.map(({ vm }) => vm),
      never,
    ),
  ];
}

function namesOf(entries: readonly { readonly host: string }[]): readonly string[] {
  return entries.map(({ host }) => host);
}

/** A host that was never reached is in no inventory, although the rest of its source answers. */
function showsAll({ id, options }: Naming['sources'][number], { hosts }: Fleet): boolean {
  const { hosts: given } = options;
  if (!Array.isArray(given)) return true;
  return hosts.filter(({ source }) => source === id).length >= given.length;
}

/** A VM that is seen nowhere may be on a host that is silent, or be a guest that is not read. */
function tellsAllGuests({ hosts }: Fleet): boolean {
  return hosts.every(
    ({ connection, unlistedGuests = [] }) =>
      connection !== 'disconnected' && unlistedGuests.length === 0,
  );
}

/** Comparing each with each takes long where both are many, and all of them are told anyway. */
const MOST_COMPARED = 20_000;

function strangers(
  kind: string,
  things: readonly { readonly id: string; readonly name: string }[],
) {
  const known = new Set(things.flatMap(({ id, name }) => [id, name]));
  return (list: StrangeName['list'], names: readonly string[], what: string): StrangeName[] => {
    const strange = names.filter((name) => !known.has(name));
    const candidates = strange.length * known.size > MOST_COMPARED ? [] : [...known].toSorted();
    return strange.map((name) => {
      const near = nearest(name, candidates);
      const meant = near === undefined ? '' : ` (is ${near} meant?)`;
      return { list, name, text: `${list}: no ${kind} is called ${name}${meant}: ${what}` };
    });
  };
}

/** Hosts whose power nobody can cut, although the policy wants it; empty: none. */
export function unfencedNotes(
  { fence }: Pick<HostFailureSettings, 'fence'>,
  hosts: readonly Host[],
  fencing: Pick<Fencing, 'covers'> | undefined,
): readonly string[] {
  if (fence !== 'automatic') return [];
  const bare = hosts.filter((host) => fencing?.covers(host) !== true).map(({ name }) => name);
  if (bare.length === 0) return [];
  return [
    'hostFailure.fence is automatic, but fencing in drover.yaml has no device for ' +
      `${listed(bare)}: should such a host die, none of its VMs is restarted`,
  ];
}

export type ConfigNotes = (fleet: Fleet) => readonly string[];

export function configNotes(
  config: Naming,
  fencing: Pick<Fencing, 'covers'> | undefined,
  inForce: Pick<PolicyStore, 'policies'>,
): ConfigNotes {
  return (fleet) => [
    ...strangeNames(config, fleet).map(({ text }) => text),
    ...unfencedNotes(inForce.policies.hostFailure, fleet.hosts, fencing),
  ];
}
