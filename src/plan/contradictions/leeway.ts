/** What one set of rules leaves each VM, as far as that is narrowed down. */

import type { CompiledRule } from '../rules/rule.ts';
import type { World } from './world.ts';

export interface Conflict {
  readonly vms: readonly number[];
  /** For people, without the rules. */
  readonly text: string;
}

/** VMs that are to be on one host, ascending; mostly one alone. */
export type Unit = readonly number[];

export interface Leeway {
  readonly world: World;
  /** Of these kinds, those that are looked at. */
  of(...kinds: readonly CompiledRule['rule']['kind'][]): readonly CompiledRule[];
  /** Of the rule's members that run, each once. */
  units(compiled: CompiledRule): readonly Unit[];
  unitOf(v: number): Unit;
  /** Whether any of the rules is about the VM. */
  isNamed(v: number): boolean;
  /** All units of the rules that are looked at. */
  all(): readonly Unit[];
  /** Where the unit may still be. */
  hostsOf(unit: Unit): readonly number[];
  /** The same per host: 1; undefined: everywhere. Not to be written to. */
  leftOf(unit: Unit): Uint8Array | undefined;
}
