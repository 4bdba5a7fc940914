/**
 * Power control of hosts, by a way that does not lead through the host itself (its BMC, a power
 * strip, the hypervisor below). The only proof that a host which does not answer cannot be running
 * its guests any more. Every call rejects with FencingError when the device cannot be asked.
 */

import type { Host } from '../domain/host.ts';

export type PowerStatus = 'on' | 'off' | 'unknown';

export interface Fencing {
  /** Whether a device is configured for the host. The others answer `unknown`. */
  covers(host: Pick<Host, 'id' | 'name'>): boolean;

  /** Asks; changes nothing. */
  status(host: Pick<Host, 'id' | 'name'>, signal: AbortSignal): Promise<PowerStatus>;

  /**
   * Cuts the power, without a shutdown, and leaves it off. Idempotent. That it returns proves
   * nothing: only a `status` of `off` that was asked afterwards does.
   */
  off(host: Pick<Host, 'id' | 'name'>, signal: AbortSignal): Promise<void>;

  /** Gives the power back. Idempotent. */
  on(host: Pick<Host, 'id' | 'name'>, signal: AbortSignal): Promise<void>;
}

/** A device that cannot be asked, or does not obey. Holds no secrets. */
export class FencingError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'FencingError';
  }
}
