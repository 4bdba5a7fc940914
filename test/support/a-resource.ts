// Role: a resource that a policy names, already resolved, with as little said as a test needs.
import { hostId, vmId } from '../../src/domain/ids.ts';
import type { Resource } from '../../src/domain/resource.ts';
import { ratio } from '../../src/domain/units.ts';

export interface ResourceOptions extends Omit<Partial<Resource>, 'hosts' | 'vms'> {
  /** By host; one that is not there: nobody knows. */
  readonly has?: Readonly<Record<string, number>>;
  /** By VM; one that is not there: nobody knows. */
  readonly needs?: Readonly<Record<string, number>>;
  /** Of every host; default 1. */
  readonly safety?: number;
}

export function aResource(options: ResourceOptions = {}): Resource {
  const { has = {}, needs = {}, safety = 1, ...rest } = options;
  const share = (capacity: number) => ({ capacity, safety: ratio(safety) });
  return {
    name: 'slots',
    unit: 'number',
    transient: true,
    measured: false,
    imbalance: 0,
    ...rest,
    hosts: new Map(Object.entries(has).map(([id, capacity]) => [hostId(id), share(capacity)])),
    vms: new Map(Object.entries(needs).map(([id, need]) => [vmId(id), need])),
  };
}
