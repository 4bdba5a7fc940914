// Role: faults about resources that a policy names, to be planted in the small fleet.
import { vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Resource } from '../../../src/domain/resource.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import type { ViolationCode } from '../../../src/domain/violation.ts';
import { aResource } from '../../support/a-resource.ts';
import { aMove, flight } from '../../support/plans.ts';
import { fleet, reservation } from './planted.ts';

interface Fault {
  readonly what: string;
  readonly code: ViolationCode;
  readonly snapshot: Snapshot;
  readonly moves?: readonly Move[];
}

/** h1 and h3 have 10 of it, h2 has what is said; every VM takes 4. */
export function slots(
  h2: number | undefined,
  options: Parameters<typeof aResource>[0] = {},
): Resource {
  const has = { h1: 10, h3: 10, ...(h2 !== undefined && { h2 }) };
  return aResource({ has, needs: { v1: 4, v2: 4, v3: 4 }, ...options });
}

export const RESOURCE_FAULTS: readonly Fault[] = [
  {
    what: 'a target without enough of a resource',
    code: 'resource',
    snapshot: fleet({ resources: [slots(7)] }),
  },
  {
    what: 'a target above its safety capacity of a resource',
    code: 'resource',
    snapshot: fleet({ resources: [slots(8, { safety: 0.9 })] }),
  },
  {
    what: 'a target above its safety capacity of a soft resource, without a word',
    code: 'resource',
    snapshot: fleet({ resources: [slots(8, { safety: 0.9, soft: true })] }),
  },
  {
    what: 'a target above its safety capacity of a hard resource, with a word',
    code: 'resource',
    moves: [aMove({ overSoft: true, tier: 'mandatory' })],
    snapshot: fleet({ resources: [slots(8, { safety: 0.9 })] }),
  },
  {
    what: 'a target with more of a soft resource than it has',
    code: 'resource',
    moves: [aMove({ overSoft: true, tier: 'mandatory' })],
    snapshot: fleet({ resources: [slots(7, { safety: 0.9, soft: true })] }),
  },
  {
    what: 'a target above its safety capacity of a soft resource for less than an evacuation',
    code: 'resource',
    moves: [aMove({ overSoft: true, tier: 'corrective' })],
    snapshot: fleet({ resources: [slots(8, { safety: 0.9, soft: true })] }),
  },
  {
    what: 'a target that has none of a resource',
    code: 'resource',
    snapshot: fleet({ resources: [slots(0)] }),
  },
  {
    what: 'two that arrive and together take too much of a resource',
    code: 'resource',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2' })],
    snapshot: fleet({ resources: [slots(10)] }),
  },
  {
    what: 'room of a resource that is taken by one who has not left',
    code: 'resource',
    snapshot: fleet({ resources: [slots(7)], inFlight: [flight('v3', 'h2', 'h3')] }),
  },
  {
    what: 'room of a resource that is reserved',
    code: 'resource',
    snapshot: fleet({
      resources: [slots(11)],
      reservations: [{ ...reservation(0, 0), vm: vmId('v2') }],
    }),
  },
  {
    what: 'a target of which nobody knows what it has of a resource',
    code: 'resource-unknown',
    snapshot: fleet({ resources: [slots(undefined)] }),
  },
  {
    what: 'a VM of which nobody knows what it needs of a resource',
    code: 'resource-unknown',
    snapshot: fleet({ resources: [slots(100, { needs: { v2: 4, v3: 4 } })] }),
  },
  {
    what: 'one beside a VM of which nobody knows what it needs of a resource',
    code: 'resource-unknown',
    snapshot: fleet({ resources: [slots(100, { needs: { v1: 4, v2: 4 } })] }),
  },
  {
    what: 'one beside a VM on its way of which nobody knows what it needs',
    code: 'resource-unknown',
    snapshot: fleet({
      resources: [slots(100, { needs: { v1: 4, v3: 4 } })],
      inFlight: [flight('v2', 'h1', 'h2')],
    }),
  },
];
