/** What the owner of the failed hosts (host-failures.ts) stands on. */

import type { Host } from '../domain/host.ts';
import type { SourceId } from '../domain/ids.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Fencing } from '../ports/fencing.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { SignParts } from './host-signs.ts';

export interface HostFailureParts extends Omit<SignParts, 'hosts' | 'guestsOn'> {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly settings: () => PolicySet;
  /** Undefined: nothing can confirm that a host is off, so none is ever known dead. */
  readonly fencing: Fencing | undefined;
  /** Whether this controller may act on the host. */
  readonly holds: (host: Host) => boolean;
  /** How often {@link HostFailures.update} is called; undefined: at least once a minute. */
  readonly everySeconds?: Seconds | undefined;
}
