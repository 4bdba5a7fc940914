/** A question to a guest itself: whether its network has come along when it was moved. */

import type { Vm } from '../domain/vm.ts';

export interface GuestProbe {
  /** Whether something is known to ask there. */
  covers(guest: Pick<Vm, 'id' | 'name'>): boolean;

  /** `answers` also where it refuses: somebody is there to refuse. Never rejects. */
  ask(guest: Pick<Vm, 'id' | 'name'>, signal: AbortSignal): Promise<'answers' | 'silent'>;
}
