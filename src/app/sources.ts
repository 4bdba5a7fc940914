/** The far ends that the daemon asks: hypervisors by source id, and metric stores. */

import type { SourceId } from '../domain/ids.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { MetricSource } from '../ports/metric-source.ts';

export interface Sources {
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly metricSources: readonly MetricSource[];
}
