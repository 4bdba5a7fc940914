/** Rules about single VMs: pin (only the named hosts) and avoid (all but the named hosts). */

import type { HostId } from '../../domain/ids.ts';
import type { Model } from '../model.ts';
import type { Answers } from './rule.ts';

export function hostRule(
  model: Model,
  members: readonly number[],
  hosts: readonly HostId[],
  named: boolean,
): Answers {
  const ids = new Set(hosts);
  const allowed = Uint8Array.from(model.hosts, (host) => (ids.has(host.id) === named ? 1 : 0));
  const isAllowed = (h: number): boolean => allowed[h] === 1;
  const isAgainst = (h: number): boolean => allowed[h] === 0;
  return {
    forbids: (_v, _from, to) => isAgainst(to),
    bars: isAgainst,
    broken: (at) => members.filter((v) => isAgainst(at[v] ?? -1)).length,
    strain: (v, at) => (to) => Number(isAgainst(to)) - Number(isAgainst(at[v] ?? -1)),
    remedy: (v, at) => (isAgainst(at[v] ?? -1) ? isAllowed : undefined),
  };
}
