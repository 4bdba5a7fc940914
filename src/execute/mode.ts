/** Which mode binds a move. The strictest wins; a real host is observed unless told. */

import type { Host } from '../domain/host.ts';
import { own } from '../domain/own.ts';
import { MODES, type Mode, type PolicySet } from '../domain/policy.ts';

/** The mode of the host's cluster, else the default. */
export function modeOf(host: Host, policies: Pick<PolicySet, 'mode'>): Mode {
  const { clusters, default: fallback } = policies.mode;
  const ofCluster = host.cluster === undefined ? undefined : own(clusters, host.cluster);
  if (ofCluster !== undefined) return ofCluster;
  if (fallback !== 'by-source') return fallback;
  return host.hypervisor.kind === 'simulated' ? 'automatic' : 'observe';
}

/** A move between clusters is bound by the stricter of the two. */
export function strictest(a: Mode, b: Mode): Mode {
  return MODES.indexOf(a) <= MODES.indexOf(b) ? a : b;
}
