/** What the capacity checks ask of any resource: each kind answers in its own unit. */

import type { Host } from '../domain/host.ts';
import type { Reservation } from '../domain/snapshot.ts';
import type { ViolationCode } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';

export interface Countable {
  readonly code: ViolationCode & ('memory' | 'huge-pages' | 'cpu' | 'resource');
  /** False: a VM that is on its way counts on its target only. */
  readonly transient: boolean;
  need(vm: Vm): number;
  /** What the host itself takes beside its guests. */
  own(host: Host, guests: readonly Vm[]): number;
  reserved(reservation: Reservation): number;
  limit(host: Host): number;
  /** Of a soft resource: what not even an evacuation may exceed. */
  hardLimit?(host: Host): number;
  show(amount: number): string;
}
