/** The far ends that the daemon asks: hypervisors by source id, metric stores, power devices. */

import type { SourceId } from '../domain/ids.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Fencing } from '../ports/fencing.ts';
import type { GuestProbe } from '../ports/guest-probe.ts';
import type { HostProbe } from '../ports/host-probe.ts';
import type { PeerProbe } from '../ports/peer-probe.ts';
import type { MetricSource } from '../ports/metric-source.ts';

export interface Sources {
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly metricSources: readonly MetricSource[];
  /** Absent: no host is ever known dead, so nothing is restarted. */
  readonly fencing?: Fencing | undefined;
  readonly probe?: HostProbe | undefined;
  /** Undefined: no guest is asked. */
  readonly guests?: GuestProbe | undefined;
  /** Absent: no host is asked about another one. */
  readonly peerProbe?: PeerProbe | undefined;
}
