/**
 * What is to be said of each kind of placement rule, beside its id, strength and hold. One table
 * for the policy file and the fleet file, which write the same rules in two ways.
 */

import type { PlacementKind } from './placement.ts';

/** Keys of a rule that not every kind has. */
export const PLACEMENT_PARTS = [
  'vms',
  'on',
  'hosts',
  'sets',
  'over',
  'minimum',
  'maximum',
  'scope',
  'free',
  'failures',
] as const;
export type PlacementPart = (typeof PLACEMENT_PARTS)[number];

interface Form {
  readonly needs: readonly PlacementPart[];
  readonly may: readonly PlacementPart[];
  /** Where it is not said; `finally`: members have to part on their way. */
  readonly hold: 'always' | 'finally';
}

export const PLACEMENT_FORM: Readonly<Record<PlacementKind, Form>> = {
  affinity: { needs: ['vms'], may: ['over'], hold: 'finally' },
  'anti-affinity': { needs: ['vms'], may: ['over'], hold: 'always' },
  pin: { needs: ['vms', 'hosts'], may: [], hold: 'always' },
  avoid: { needs: ['vms', 'hosts'], may: [], hold: 'always' },
  spread: { needs: ['vms', 'minimum'], may: ['over'], hold: 'always' },
  licensed: { needs: ['vms', 'maximum'], may: ['hosts'], hold: 'finally' },
  lonely: { needs: ['vms'], may: [], hold: 'always' },
  among: { needs: ['vms', 'sets'], may: [], hold: 'always' },
  dependency: { needs: ['vms', 'on'], may: ['over'], hold: 'finally' },
  preserve: { needs: ['hosts', 'free'], may: ['scope'], hold: 'always' },
  spare: { needs: ['hosts'], may: [], hold: 'always' },
  'failover-reserve': { needs: ['hosts'], may: ['failures'], hold: 'always' },
};

export interface FormFault {
  readonly part: PlacementPart;
  readonly message: string;
}

/** What is missing in a rule of the kind, and what has no place in it. */
export function formFaults(
  kind: PlacementKind,
  isSaid: (part: PlacementPart) => boolean,
): readonly FormFault[] {
  const { needs, may } = PLACEMENT_FORM[kind];
  return PLACEMENT_PARTS.flatMap((part): FormFault[] => {
    if (needs.includes(part))
      return isSaid(part) ? [] : [{ part, message: `${kind} needs ${part}` }];
    if (may.includes(part) || !isSaid(part)) return [];
    return [{ part, message: `${kind} has no ${part}` }];
  });
}
