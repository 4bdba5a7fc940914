/** Whoever carries out one kind of moves. See `Hypervisor` for what each of these promises. */

import type { Ends, MoveHosts } from './settle.ts';
import type { Job, MoveOrder, Steering } from '../../../src/ports/hypervisor.ts';
import type { Attempt } from '../../../src/ports/metric-source.ts';

export interface Carrier {
  start(order: MoveOrder, ends: MoveHosts, signal: AbortSignal): Promise<Attempt>;
  job(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Job>;
  // oxlint-disable-next-line max-params -- the port's three, and where it happens
  steer(order: MoveOrder, steering: Steering, ends: Ends, signal: AbortSignal): Promise<Attempt>;
  abort(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Attempt>;
  commit(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Attempt>;
  cleanUp(order: MoveOrder, ends: MoveHosts, signal: AbortSignal): Promise<Attempt>;
}
