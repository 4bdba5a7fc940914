/**
 * The questions that the search asks of a placement rule. A kind of rule is a file of this folder
 * that answers them; nothing else of the planner knows what a kind means, but for the clearing of
 * crowds and groups that move together (both are named where they are used).
 */

import type { RuleId } from '../../domain/ids.ts';
import type { PlacementRule } from '../../domain/placement.ts';

/** How a question is meant: as things may be at any moment, or after all moves so far ended. */
export type Outlook = 'any-moment' | 'in-the-end';

/** Whether the rule is better kept with the VM on this host. */
export type Remedy = (to: number) => boolean;

/** How many more members stand against the rule, in the end, with the VM on this host. */
export type Strain = (to: number) => number;

export interface HostLimit {
  readonly host: number;
  readonly resource: number;
  /** In the resource's unit. */
  readonly most: number;
}

/** `at-last`: only where there is no other place; what was used has to be set free again later. */
export type Yielding = 'never' | 'at-last' | 'readily';

export interface CompiledRule {
  readonly id: RuleId;
  readonly rule: PlacementRule;
  readonly code: number;
  /** Dense indexes of the VMs that it names and that exist, ascending. */
  readonly members: readonly number[];
  /** It is asked about every VM, not of its members only. */
  readonly everyone: boolean;
  /** Whether moves that cannot wait may go against it: it keeps something for just that. */
  readonly yields: Yielding;
  /** Loads that hosts are not to exceed in the end; who does is relieved to mend the rule. */
  readonly limits: readonly HostLimit[];
  /**
   * Whether the VM, which is on `from`, is kept from going to `to`.
   * @param overCpu it cannot wait, and CPU limits nothing
   */
  // oxlint-disable-next-line max-params -- a move, and how it is meant
  forbids(v: number, from: number, to: number, outlook: Outlook, overCpu?: boolean): boolean;
  /**
   * Whether, once broken, it is worse with the VM, which is on `from`, gone to `to`, where
   * `forbids` allows that to moves that have to be: optional ones are then not made.
   */
  readonly worsens?: (v: number, from: number, to: number) => boolean;
  /** What it says against the host whoever else is there; also asked while a group moves as one. */
  readonly bars?: (to: number) => boolean;
  /** Whether two members that are to be apart may not be on these two hosts. */
  collides(a: number, b: number): boolean;
  /** Whether members on these two hosts are together, of a rule that wants all of them so. */
  readonly gathers?: (a: number, b: number) => boolean;
  /**
   * Sets of other VMs whose moves would mend what the VM's own would: it is broken for certain only
   * if the VM stays and with it all of one of these sets. Absent: if the VM stays.
   */
  readonly instead?: (v: number, at: Int32Array) => readonly (readonly number[])[];
  /** Tells that a member goes from `from` to `to` (sign 1), or that this is taken back (-1). */
  count(v: number, from: number, to: number, sign: 1 | -1): void;
  /** How many members stand where the rule does not want them, in the end. */
  broken(at: Int32Array): number;
  /** Where the VM would stand better; undefined: it stands well, with the others as they are. */
  remedy(v: number, at: Int32Array): Remedy | undefined;
  /** What going elsewhere changes in `broken`, the others as they are; sound while `at` is kept. */
  strain(v: number, at: Int32Array): Strain;
  /** Who is moved to mend the rule, in this order; absent: the members by index. */
  readonly movers?: (at: Int32Array) => readonly number[];
}

/** What a kind answers beside what all have in common. */
export type Answers = Pick<CompiledRule, 'forbids' | 'broken' | 'remedy'> &
  Partial<
    Pick<
      CompiledRule,
      | 'collides'
      | 'gathers'
      | 'instead'
      | 'count'
      | 'movers'
      | 'everyone'
      | 'strain'
      | 'yields'
      | 'limits'
      | 'bars'
      | 'worsens'
    >
  >;

/** By counting twice: for kinds that know no shorter way. */
export function countedStrain(broken: CompiledRule['broken']): CompiledRule['strain'] {
  return (v, at) => {
    const from = at[v] ?? -1;
    const before = broken(at);
    return (to) => {
      at[v] = to;
      const after = broken(at);
      at[v] = from;
      return after - before;
    };
  };
}
