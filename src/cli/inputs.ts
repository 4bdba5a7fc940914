/** Files and live sources that verbs read, with errors that say where and what was expected. */

import { readFile } from 'node:fs/promises';

import { SourceErrors } from '../app/input-errors.ts';
import { readFleet } from '../app/live-fleet.ts';
import { loadRules, type RulesInForce } from '../app/policy-store.ts';
import { systemClock } from '../app/system-clock.ts';
import { loadDaemonConfig, type DaemonConfig } from '../config/daemon.ts';
import { parseFleet } from '../config/fleet-file.ts';
import { formatProblem } from '../config/problem.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { CliError, EXIT, type Io, messageOf } from './io.ts';

export interface FleetInput {
  readonly snapshot: Snapshot;
  /** What was assumed, for the reader of the plan. */
  readonly notes: readonly string[];
  readonly orders: readonly Order[];
  /** Those that the configuration names; empty: the shipped default policy. */
  readonly policyFiles: readonly string[];
}

export async function loadFleet(
  file: string,
  options: { readonly assumeHeld: boolean },
): Promise<FleetInput> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(EXIT.usage, `cannot read the fleet file: ${messageOf(error)}`);
  });
  const fleet = parseFleet(text, file, options);
  if (!fleet.ok) throw new CliError(EXIT.usage, fleet.error.map(formatProblem).join('\n'));
  return { ...fleet.value, policyFiles: [] };
}

/** The given policy files; none: the shipped default policy. */
export async function loadPolicySet(files: readonly string[]): Promise<RulesInForce> {
  return loadRules(files);
}

export async function loadConfig(file: string): Promise<DaemonConfig> {
  const config = await loadDaemonConfig(file);
  if (!config.ok) throw new CliError(EXIT.usage, config.error.map(formatProblem).join('\n'));
  return config.value;
}

/** The fleet of a configuration's sources, read now and taken as held. */
export async function readLiveFleet(io: Io, configFile: string): Promise<FleetInput> {
  const config = await loadConfig(configFile);
  const live = await readFleet(config, systemClock(), io.stop).catch((error: unknown) => {
    if (error instanceof SourceErrors) throw new CliError(EXIT.usage, error.message);
    throw new CliError(EXIT.unavailable, messageOf(error));
  });
  const down = live.statuses.filter(({ state }) => state !== 'up');
  const notes = down.map(({ source, state, detail }) => `source ${source} is ${state}: ${detail}`);
  const { snapshot, warnings } = live;
  return { snapshot, notes: [...notes, ...warnings], orders: [], policyFiles: config.policies };
}
