/**
 * A scenario file: a fleet (from a file, or generated), policies, and what happens when. A mistake
 * is told with file:line:column, also a host or VM that the fleet does not have.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { type ConfigDocument, problemAt, readYaml } from '../../config/document.ts';
import { choice, group, moment, text, whole } from '../../config/fields.ts';
import { parseFleet } from '../../config/fleet-file.ts';
import { unreadable } from '../../config/policies.ts';
import { type ConfigProblem, nearest, tidyProblems } from '../../config/problem.ts';
import { validate } from '../../config/validate.ts';
import type { z } from 'zod';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { buildFleet } from '../../simulate/build-fleet.ts';
import { type Scenario, scenarioFields, type ScenarioStep, stepsOf } from './forms.ts';
import type { GeneratedFleet } from './world.ts';

const generated = group({
  hosts: whole('a number of hosts from 1 to 10000', { min: 1, max: 10_000 }),
  vms: whole('a number of VMs from 0 to 200000', { min: 0, max: 200_000 }),
});

export const scenarioSchema = group({
  apiVersion: choice(['drover/v1']),
  kind: choice(['Scenario']),
  /** When it begins; default: a Monday, 08:00 UTC. */
  startAt: moment().optional(),
  fleet: text('the path of a fleet file').optional(),
  generated: generated.optional(),
  ...scenarioFields,
}).refine((one) => (one.fleet === undefined) !== (one.generated === undefined), {
  message: 'says not which fleet',
  params: { expected: 'either fleet (a fleet file) or generated (hosts, vms)' },
});

export interface ScenarioFile extends Scenario {
  /** Epoch seconds. */
  readonly startAt: number;
  readonly storageLocks: boolean;
  readonly fleet: Snapshot | GeneratedFleet;
}

/** Monday, 2026-01-05: a working day begins. */
const MONDAY_MORNING = Date.UTC(2026, 0, 5, 8) / 1000;

/** @param seed of a generated fleet. */
export async function loadScenario(
  file: string,
  seed: number,
): Promise<Result<ScenarioFile, readonly ConfigProblem[]>> {
  const read = await textOf(file);
  const document = read.ok ? readYaml(read.value, file) : read;
  const form = document.ok ? validate(scenarioSchema, document.value) : document;
  if (!document.ok || !form.ok) return fail(tidyProblems(form.ok ? [] : form.error));
  const around = { document: document.value, folder: dirname(resolve(file)) };
  const fleet = await fleetOf(form.value, around);
  const steps = stepsOf(form.value.events ?? [], document.value);
  const policies = policiesOf(form.value, around);
  if (!fleet.ok || !steps.ok || !policies.ok) {
    return fail(tidyProblems([fleet, steps, policies].flatMap((one) => (one.ok ? [] : one.error))));
  }
  const strangers = strangersIn(form.value, namesOf(fleet.value, seed), around.document);
  if (strangers.length > 0) return fail(tidyProblems(strangers));
  return ok(scenarioOf(form.value, around.folder, [fleet.value, policies.value, steps.value]));
}

type Entries = z.output<typeof scenarioSchema>;

interface Around {
  readonly document: ConfigDocument;
  readonly folder: string;
}

function scenarioOf(
  { startAt, duration, fencing, peers, guests, storageLocks, hooks }: Entries,
  folder: string,
  [fleet, policies, steps]: readonly [
    Snapshot | GeneratedFleet,
    readonly string[],
    readonly ScenarioStep[],
  ],
): ScenarioFile {
  return {
    startAt: startAt ?? MONDAY_MORNING,
    fleet,
    folder,
    policies,
    seconds: duration,
    fencing: fencing ?? false,
    peers: peers ?? false,
    guests: guests ?? false,
    storageLocks: storageLocks ?? false,
    hooks: hooks ?? {},
    steps,
  };
}

async function textOf(file: string): Promise<Result<string, ConfigProblem[]>> {
  try {
    return ok(await readFile(file, 'utf8'));
  } catch (error) {
    return fail([unreadable(file, error)]);
  }
}

async function fleetOf(
  { fleet, generated: made }: Entries,
  { folder }: Around,
): Promise<Result<Snapshot | GeneratedFleet, readonly ConfigProblem[]>> {
  if (made !== undefined) return ok(made);
  const file = resolve(folder, fleet ?? '');
  const read = await textOf(file);
  if (!read.ok) return read;
  const parsed = parseFleet(read.value, file);
  return parsed.ok ? ok(parsed.value.snapshot) : parsed;
}

/** What they say is read when the play begins. */
function policiesOf(
  { policies = ['default'] }: Entries,
  { document, folder }: Around,
): Result<readonly string[], ConfigProblem[]> {
  const files = policies.map((path) => (path === 'default' ? path : resolve(folder, path)));
  const problems = files.flatMap((file, index) => {
    if (file === 'default' || existsSync(file)) return [];
    const place = document.place(['policies', index], 'value');
    return [problemAt(document.file, place, `there is no policy file ${file}`)];
  });
  return problems.length > 0 ? fail(problems) : ok(files);
}

/** What events name and the fleet does not have. */
function strangersIn(
  { events = [] }: Entries,
  known: Names,
  document: ConfigDocument,
): ConfigProblem[] {
  return events.flatMap((event, index) =>
    Object.entries(event).flatMap(([kind, details]) => {
      if (typeof details !== 'object') return [];
      return Object.entries(details).flatMap(([key, named]): ConfigProblem[] => {
        const names = NAMING[key];
        if (names === undefined || typeof named !== 'string') return [];
        if (known[names].includes(named)) return [];
        const place = document.place(['events', index, kind, key], 'value');
        const near = nearest(named, known[names]);
        const hint = near === undefined ? '' : `did you mean "${near}"?`;
        const message = `the fleet has no ${names} ${JSON.stringify(named)}`;
        return [problemAt(document.file, place, message, { hint })];
      });
    }),
  );
}

/** The keys of events that name something of the fleet. */
const NAMING: Readonly<Record<string, 'host' | 'VM'>> = { host: 'host', to: 'host', vm: 'VM' };

type Names = Readonly<Record<'host' | 'VM', readonly string[]>>;

function namesOf(fleet: Snapshot | GeneratedFleet, seed: number): Names {
  if ('placement' in fleet) {
    return { host: fleet.hosts.map(({ id }) => id), VM: fleet.vms.map(({ id }) => id) };
  }
  const { hosts, vms } = buildFleet({ ...fleet, seed });
  return { host: hosts.map(({ id }) => id), VM: vms.map(({ facts }) => facts.id) };
}
