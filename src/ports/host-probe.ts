/**
 * A question to the host itself, past its hypervisor's management (an address of its migration or
 * storage network): an independent sign of life.
 */

import type { Host } from '../domain/host.ts';

export interface HostProbe {
  /** Whether something is known to ask there. */
  covers(host: Pick<Host, 'id' | 'name'>): boolean;

  /** `answers` also where it refuses: somebody is there to refuse. Never rejects. */
  ask(host: Pick<Host, 'id' | 'name'>, signal: AbortSignal): Promise<'answers' | 'silent'>;
}
