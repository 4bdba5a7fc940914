/**
 * A question to the host itself, past its hypervisor's management (an address of its migration or
 * storage network): an independent sign of life.
 */

import type { Host } from '../domain/host.ts';

/** `refuses`: somebody is there to say no; a firewall on the way may do so for whoever is not. */
export type ProbeAnswer = 'answers' | 'refuses' | 'silent';

export interface HostProbe {
  /** Whether something is known to ask there. */
  covers(host: Pick<Host, 'id' | 'name'>): boolean;

  /** Never rejects. */
  ask(host: Pick<Host, 'id' | 'name'>, signal: AbortSignal): Promise<ProbeAnswer>;
}
