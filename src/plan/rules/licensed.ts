/**
 * Licensed: the members only on hosts that have a licence, and on so many of them at most. Where
 * more are in use already, no move takes one more; which of them are kept is decided by how many
 * members are there, then by the room that they have.
 *
 * `always`: every host counts on which a member is or may come, so that no order of moves, failed
 * ones included, uses more. `finally`: the end counts, where those in flight may be on either host.
 * A host that a member only may come to takes a licence, and is not in use for others yet; so does
 * one that it has been seen to have left, should its move be taken back.
 * Members of a host that is to be emptied go to hosts in use or, as far as there are licences, to
 * new ones; the last one of a host, and with one licence all of them together (together.ts), also
 * take it along.
 */

import type { LicensedRule } from '../../domain/placement.ts';
import { MEMORY_AT, type Model } from '../model.ts';
import { Tally, tally } from './domains.ts';
import type { Answers } from './rule.ts';

export function licensedRule(
  model: Model,
  rule: LicensedRule,
  members: readonly number[],
): Answers {
  const { maximum } = rule;
  const ids = rule.hosts && new Set(rule.hosts);
  // Hosts as domains of their own; those without a licence are none.
  const domains = Int32Array.from(model.hosts, ({ id }, h) => (ids?.has(id) === false ? -1 : h));
  const isLicensed = (h: number): boolean => (domains[h] ?? -1) >= 0;
  const gross = new Tally();
  const net = new Tally();
  // Without those that may never come.
  const sure = { gross: new Tally(), net: new Tally() };
  for (const v of members) {
    for (const h of [model.home[v] ?? -1, model.alsoAt[v] ?? -1]) {
      if (!isLicensed(h)) continue;
      const isThere = model.hosts[h]?.id === model.vms[v]?.host;
      const isSure = isThere || (h === model.home[v] && model.awaited[v] !== 1);
      for (const one of isSure ? [gross, net, sure.gross, sure.net] : [gross, net]) one.add(h, 1);
    }
  }
  function takesOneMore(from: number, to: number): boolean {
    const left = isLicensed(from) && net.at(from) === 1 ? 1 : 0;
    const after = net.used() - left + (net.at(to) === 0 ? 1 : 0);
    // Also `always`: what this plan has gathered, no lesser move of it scatters again.
    if (after > maximum && after > sure.net.used()) return true;
    const ever = gross.used() + (gross.at(to) === 0 ? 1 : 0);
    return rule.hold === 'always' && sure.gross.at(to) === 0 && ever > maximum;
  }
  return {
    bars: (to) => !isLicensed(to),
    forbids: (_v, from, to) => !isLicensed(to) || takesOneMore(from, to),
    count(_v, from, to, sign) {
      if (isLicensed(from)) for (const one of [net, sure.net]) one.add(from, -sign);
      if (!isLicensed(to)) return;
      for (const one of [net, gross, sure.net, sure.gross]) one.add(to, sign);
    },
    worsens(_v, from, to) {
      if (net.used() <= maximum) return false;
      const before = wellIn(model, net, maximum);
      const shift = (sign: 1 | -1): void => {
        if (isLicensed(from)) net.add(from, -sign);
        net.add(to, sign);
      };
      shift(1);
      const after = wellIn(model, net, maximum);
      shift(-1);
      return after < before;
    },
    broken: (at) => members.length - wellIn(model, tally(members, at, domains), maximum),
    instead: (v, at) => [isLicensed(at[v] ?? -1) ? members.filter((one) => one !== v) : []],
    remedy(v, at) {
      const kept = keptOf(model, tally(members, at, domains), maximum);
      if (kept.has(at[v] ?? -1)) return undefined;
      return (to) => isLicensed(to) && (kept.has(to) || kept.size < maximum);
    },
  };
}

/** The hosts that are kept: those with most members. */
function keptOf(model: Model, counts: Tally, maximum: number): ReadonlySet<number> {
  const room = (h: number): number => {
    const at = h * model.width + MEMORY_AT;
    return (model.limit[at] ?? 0) - (model.net[at] ?? 0);
  };
  const inUse = [...model.hosts.keys()].filter((h) => counts.at(h) > 0);
  inUse.sort((a, b) => counts.at(b) - counts.at(a) || room(b) - room(a) || a - b);
  return new Set(inUse.slice(0, maximum));
}

/** How many members are on those. */
function wellIn(model: Model, counts: Tally, maximum: number): number {
  let well = 0;
  for (const h of keptOf(model, counts, maximum)) well += counts.at(h);
  return well;
}
