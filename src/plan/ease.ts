/**
 * How far hosts are relieved. `relieveBelow` is where a host is to end, and lies below the load at
 * which it is found, so that it does not come back at once; no target may end above it either. A
 * fleet that is full has no room for that. There a host is relieved down to the safety capacity at
 * least, with targets up to it, before it is left overloaded for want of a better place.
 */

import type { Finding } from '../domain/finding.ts';
import type { HostId } from '../domain/ids.ts';
import { type Ratio, ratio } from '../domain/units.ts';
import type { Draft } from './draft.ts';
import { CPU_AT } from './model.ts';
import { listed } from '../domain/listed.ts';
import { alike, type Relief, reliefResources } from './needs.ts';
import type { Setting } from './setting.ts';

const SHARE_DIGITS = 1e6;

/** Hosts that the draft leaves above what they were to be relieved to. */
export function unrelieved({ setting, draft }: { setting: Setting; draft: Draft }): Set<HostId> {
  const hosts = draft.open
    .filter(({ finding, vm }) => finding.response === 'relieve' && vm === undefined)
    .flatMap(({ host }) => setting.model.hosts[host ?? -1]?.id ?? []);
  return new Set(hosts);
}

/**
 * The findings with what is asked of these hosts (undefined: of all) eased to the safety capacity,
 * as far as they are above it; undefined: that changes nothing.
 */
export function ease(
  { model, needs, request }: Setting,
  hosts?: ReadonlySet<HostId>,
): readonly Finding[] | undefined {
  const least = new Map<string, Ratio>();
  for (const { host, resource, below, finding } of needs.reliefs) {
    if (finding.response !== 'relieve') continue;
    const id = model.hosts[host]?.id;
    const at = host * model.width + resource;
    const safety = ratio(model.safety[at] ?? 1);
    const most = (model.capacity[at] ?? 0) * safety;
    if (id === undefined || hosts?.has(id) === false) continue;
    if (below < most && (model.net[at] ?? 0) > most) least.set(keyOf(id, resource), safety);
  }
  if (least.size === 0) return undefined;
  return request.findings.map((finding) => {
    const { response, subject, relieveBelow } = finding;
    if (response !== 'relieve' || subject.kind !== 'host') return finding;
    const about = reliefResources(finding, model);
    const shares = about.flatMap((resource) => least.get(keyOf(subject.host, resource)) ?? []);
    const safety = shares.length === 0 ? undefined : ratio(Math.min(...shares));
    if (safety === undefined || relieveBelow === undefined || relieveBelow >= safety)
      return finding;
    return { ...finding, relieveBelow: safety };
  });
}

function keyOf(host: HostId, resource: number): string {
  return `${resource} ${host}`;
}

/** In words, the hosts that are relieved less than the findings say. */
export function easedNotes(asked: Setting, done: { setting: Setting; draft: Draft }): string[] {
  const eased = furthest(done.setting);
  const left = unrelieved(done);
  const names = [...furthest(asked)].flatMap(([key, { host, below }]) => {
    const now = eased.get(key);
    const about = asked.model.hosts[host];
    const isEased = now !== undefined && now.below !== below;
    return about === undefined || !isEased || left.has(about.id) ? [] : [about.name];
  });
  if (names.length === 0) return [];
  const who = listed(names);
  return [`no room to relieve ${who} as far as asked: to the safety capacity instead`];
}

/** By resource and host, the relief that asks for most. */
function furthest({ model, needs }: Setting): ReadonlyMap<string, Relief> {
  const found = new Map<string, Relief>();
  for (const one of needs.reliefs) {
    const id = model.hosts[one.host]?.id;
    const key = id === undefined ? undefined : keyOf(id, one.resource);
    if (key !== undefined && one.below < (found.get(key)?.below ?? Infinity)) found.set(key, one);
  }
  return found;
}

/**
 * Whether the hosts together have less room than has to leave: no search can find a way. Nobody may
 * be brought above what the host that he leaves is relieved to, so it is asked of each such share:
 * those that are to get to it or below, and the room that there is up to it.
 */
export function isHopeless(setting: Setting): boolean {
  const { needs } = setting;
  const excesses = new Map<number, number>();
  for (const all of alike(needs.reliefs.filter(({ resource }) => resource === CPU_AT))) {
    const [share, excess] = leastToLeave(all, setting);
    excesses.set(share, (excesses.get(share) ?? 0) + excess);
  }
  let excess = 0;
  for (const share of [...excesses.keys()].sort((a, b) => a - b)) {
    excess += excesses.get(share) ?? 0;
    if (excess > roomUpTo(share, setting)) return true;
  }
  return false;
}

/**
 * How much CPU has to leave a host, and up to which share it may fill others: of several reliefs
 * the one that allows most, as its moves may do for all. What a rule asks limits only its hosts.
 */
function leastToLeave(reliefs: readonly Relief[], { model }: Setting): [share: number, number] {
  let [share, excess] = [0, 0];
  for (const { host, below, finding } of reliefs) {
    const at = host * model.width + CPU_AT;
    const more = (model.net[at] ?? 0) - below;
    if (more <= 0) continue;
    // To so many digits, as the same share of two hosts may differ in the last one; never less.
    const own = Math.ceil((below / (model.capacity[at] ?? 0)) * SHARE_DIGITS) / SHARE_DIGITS;
    share = Math.max(share, finding.response === 'repair' ? Infinity : own);
    excess = Math.max(excess, more);
  }
  return [share, excess];
}

/** CPU that all hosts could still take in if none gets above the share. */
function roomUpTo(share: number, { model, needs }: Setting): number {
  let room = 0;
  for (let h = 0; h < model.hosts.length; h += 1) {
    if (needs.closed[h] === 1) continue;
    const at = h * model.width + CPU_AT;
    const limit = model.limit[at] ?? 0;
    const most = share === Infinity ? limit : Math.min(limit, (model.capacity[at] ?? 0) * share);
    room += Math.max(0, most - (model.net[at] ?? 0));
  }
  return room;
}
