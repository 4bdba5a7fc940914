/**
 * What an operator lets Drover run on a host that maintenance has emptied: patch it, update its
 * firmware, reboot it. A hook is done when its command ends with 0 or its webhook answers with 2xx.
 */

import type { HostId, OrderId } from '../domain/ids.ts';
import type { Seconds } from '../domain/units.ts';

export interface HookCall {
  readonly order: OrderId;
  readonly host: { readonly id: HostId; readonly name: string };
  /** Of the order. */
  readonly reason: string;
  /** 1 for the first. */
  readonly attempt: number;
}

export interface HookAnswer {
  readonly isDone: boolean;
  /** For people: the end of what it printed, or why it failed. */
  readonly detail: string;
}

export interface Hook {
  readonly name: string;
  /** How often it may be run, at least 1. More than once only where that does no harm. */
  readonly attempts: number;
  /** So long nothing speaks against the host before its VMs come home. */
  readonly wellSeconds: Seconds;
  /** So long after the hook the host may take to become well. */
  readonly patienceSeconds: Seconds;
  /** So long an attempt takes at most. */
  readonly timeoutSeconds: Seconds;
  /** Has an end, also where the far side hangs. Does not reject. Aborted when Drover stops. */
  run(call: HookCall, signal: AbortSignal): Promise<HookAnswer>;
}
