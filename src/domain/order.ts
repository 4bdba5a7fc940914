/**
 * Orders: evacuations and maintenance, given by operators or alerting systems. An order is its
 * own finding at the next tick and passes the same gate as everything else.
 */

import type { HostId, OrderId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

export interface Order {
  readonly id: OrderId;
  readonly kind: 'evacuate' | 'maintenance';
  readonly host: HostId;
  readonly by: { readonly kind: 'operator' | 'alert'; readonly name: string };
  readonly reason: string;
  readonly createdAt: EpochSeconds;
  readonly deadline: EpochSeconds | undefined;
  /**
   * `open`: being carried out or done and kept (a maintained host stays empty);
   * `returning`: the host is back in service and its VMs are coming home;
   * `closed`: nothing left to do.
   */
  readonly state: 'open' | 'returning' | 'closed';
  /** An alert's identity, so that its repetition is the same order. */
  readonly dedupeKey: string;
  /** The VMs that were on the host when the order was given: what "home" means. */
  readonly home: readonly string[];
}
