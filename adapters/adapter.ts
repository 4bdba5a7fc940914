/**
 * What an adapter folder exports: how its options are read and how a hypervisor connection is made
 * of them. Reading comes first and touches nothing, so that a bad configuration is refused whole
 * before the first connection is opened.
 */

import type { HypervisorKind } from '../src/domain/host.ts';
import type { SourceId } from '../src/domain/ids.ts';
import { ok, type Result } from '../src/domain/result.ts';
import type { Clock } from '../src/ports/clock.ts';
import type { Hypervisor } from '../src/ports/hypervisor.ts';

export interface AdapterDependencies {
  /** The name under which the configuration knows this connection. */
  readonly source: SourceId;
  readonly clock: Clock;
  /** Absent: nothing is kept, as for a single look at the fleet. */
  readonly memory?: AdapterMemory | undefined;
}

/** What an adapter keeps of what it saw, over a restart of Drover. */
export interface AdapterMemory {
  /** Undefined: nothing is kept under that name. */
  read(name: string): Promise<string | undefined>;
  /** Durable when it resolves, and readable for nobody else: it may hold secrets. */
  write(name: string, text: string): Promise<void>;
  /** Idempotent. */
  remove(name: string): Promise<void>;
  /** Sorted. */
  names(): Promise<readonly string[]>;
}

/** One mistake in the options of an adapter; the configuration knows the file and the line. */
export interface OptionProblem {
  /** Where in the options: `['hosts', 0, 'uri']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What would have been right; may be empty. */
  readonly expected: string;
}

export interface AdapterDefinition<Options> {
  readonly kind: HypervisorKind;
  /** Judges options as they come out of a file; opens nothing. */
  parse(options: unknown): Result<Options, readonly OptionProblem[]>;
  /** Rejects with AdapterError where the connection has to be made at once and can not be. */
  create(options: Options, dependencies: AdapterDependencies): Promise<Hypervisor>;
}

/** An adapter whose options have been read; its option type is its own affair from here on. */
export interface PreparedAdapter {
  readonly kind: HypervisorKind;
  create(dependencies: AdapterDependencies): Promise<Hypervisor>;
}

export interface Adapter {
  readonly kind: HypervisorKind;
  prepare(options: unknown): Result<PreparedAdapter, readonly OptionProblem[]>;
}

/** Hides the option type, so that adapters with different options fit into one table. */
export function defineAdapter<Options>(definition: AdapterDefinition<Options>): Adapter {
  const { kind } = definition;
  return {
    kind,
    prepare(options) {
      const parsed = definition.parse(options);
      if (!parsed.ok) return parsed;
      return ok({
        kind,
        create: (dependencies) => definition.create(parsed.value, dependencies),
      });
    },
  };
}
