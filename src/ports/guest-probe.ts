/**
 * A question to a guest itself: whether its network has come along when it was moved, and whether
 * its host lives.
 */

import type { Vm } from '../domain/vm.ts';
import type { ProbeAnswer } from './host-probe.ts';

export interface GuestProbe {
  /** Whether something is known to ask there. */
  covers(guest: Pick<Vm, 'id' | 'name'>): boolean;

  /** Never rejects. */
  ask(guest: Pick<Vm, 'id' | 'name'>, signal: AbortSignal): Promise<ProbeAnswer>;
}
