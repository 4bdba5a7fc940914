/**
 * Policy files → one PolicySet, or every problem in them. Files merge: lists are joined in the
 * order of the files, options may be set in one file or alike in several. A set with one problem
 * is refused as a whole; the caller keeps the one that it has.
 */

import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import type { FindingKind, Response, Tier } from '../domain/finding.ts';
import { PLACEMENT_FORM } from '../domain/placement-form.ts';
import type { OwnRule, PlacementSpec, PolicySet, Rule } from '../domain/policy.ts';
import type { ResourceSpec } from '../domain/resource-spec.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { seconds } from '../domain/units.ts';
import { type Costs, costsOf } from './cost-schema.ts';
import { type ConfigDocument, problemAt, readYaml, YAML_BYTES_MAX } from './document.ts';
import { pingPong } from './ping-pong.ts';
import { type ParsedPolicy, contradictions, mergeOptions } from './policy-merge.ts';
import { type RuleEntry, policySchema } from './policy-schema.ts';
import { type ConfigProblem, tidyProblems } from './problem.ts';
import { unnamedResources } from './resource-facts.ts';
import { resourceSpec } from './resources-schema.ts';
import { validate } from './validate.ts';

/** Of a byte order mark, which the reading takes away: what is left is too long all the same. */
const BOM_BYTES = 3;

/** A policy file as text; `file` is its name for messages. */
export interface PolicySource {
  readonly file: string;
  readonly text: string;
}

/** What each response is usually the answer to, so that a rule need not repeat it. */
const USUAL: Readonly<Record<Response, { readonly finding: FindingKind; readonly tier: Tier }>> = {
  relieve: { finding: 'overloaded', tier: 'optional' },
  evacuate: { finding: 'failing', tier: 'mandatory' },
  restart: { finding: 'host-down', tier: 'mandatory' },
  // Moves nothing; `optional` would let go of a host whose sensors fell silent.
  quarantine: { finding: 'failing', tier: 'corrective' },
  repair: { finding: 'rule-broken', tier: 'corrective' },
  level: { finding: 'imbalanced', tier: 'optional' },
  consolidate: { finding: 'underused', tier: 'optional' },
  return: { finding: 'return-home', tier: 'optional' },
  notify: { finding: 'notice', tier: 'optional' },
};

/** Pure: the files in the order in which they are merged. No files: the defaults and no rules. */
export function parsePolicies(
  sources: readonly PolicySource[],
): Result<PolicySet, readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const parsed: ParsedPolicy[] = [];
  for (const { file, text } of sources) {
    const document = readYaml(text, file);
    const content = document.ok ? validate(policySchema, document.value) : document;
    if (!content.ok) problems.push(...content.error);
    else if (document.ok) {
      const name = content.value.name ?? basename(file).replace(/\.ya?ml$/, '');
      parsed.push({ document: document.value, name, content: content.value });
    }
  }
  const options = mergeOptions(parsed);
  problems.push(...options.problems, ...contradictions(parsed), ...pingPong(parsed, options.value));
  problems.push(...unnamedResources(parsed));
  if (problems.length > 0) return fail(tidyProblems(problems));
  return ok({
    revision: revisionOf(sources),
    files: sources.map((source) => source.file),
    rules: parsed.flatMap((policy) =>
      (policy.content.rules ?? []).map((entry, i) => ruleOf(policy, entry, i)),
    ),
    criticality: parsed.flatMap(({ content }) => content.criticality ?? []),
    permissions: parsed.flatMap(({ content }) => content.permissions ?? []),
    own: parsed.flatMap(ownOf),
    ...costsIn(parsed),
    placement: parsed.flatMap(placementOf),
    resources: parsed.flatMap(resourcesOf),
    ...options.value,
  });
}

/** SHA-256 over the files in order; names and lengths too, so that no two sets look alike. */
function revisionOf(sources: readonly PolicySource[]): string {
  const hash = createHash('sha256');
  for (const { file, text } of sources) hash.update(JSON.stringify([basename(file), text]));
  return hash.digest('hex');
}

function originOf(document: ConfigDocument, path: readonly PropertyKey[]): string {
  return `${document.file}:${document.place(path, 'value').line}`;
}

function costsIn(policies: readonly ParsedPolicy[]): Costs {
  const all = policies.map(({ document, content }) =>
    costsOf(content.costs ?? [], (index) => originOf(document, ['costs', index])),
  );
  return {
    costs: all.flatMap(({ costs }) => costs),
    groupCosts: all.flatMap(({ groupCosts }) => groupCosts),
    pathCosts: all.flatMap(({ pathCosts }) => pathCosts),
  };
}

function ruleOf({ document, name }: ParsedPolicy, entry: RuleEntry, i: number): Rule {
  const usual = USUAL[entry.response];
  return {
    name: entry.name,
    origin: originOf(document, ['rules', i]),
    policy: name,
    finding: entry.finding ?? usual.finding,
    response: entry.response,
    tier: entry.tier ?? usual.tier,
    hosts: entry.hosts,
    when: entry.when,
    forSeconds: entry.for ?? seconds(0),
    clear: entry.clear,
    relieveBelow: entry.relieveBelow,
  };
}

function placementOf({ document, content }: ParsedPolicy): PlacementSpec[] {
  return (content.placement ?? []).map((entry, i) => ({
    ...entry,
    origin: originOf(document, ['placement', i]),
    hold: entry.hold ?? PLACEMENT_FORM[entry.kind].hold,
  }));
}

function ownOf({ document, content }: ParsedPolicy): OwnRule[] {
  return (content.own ?? []).map((entry, i) => ({
    ...entry,
    origin: originOf(document, ['own', i]),
  }));
}

function resourcesOf({ document, content }: ParsedPolicy): ResourceSpec[] {
  return (content.resources ?? []).map((entry, i) =>
    resourceSpec(entry, originOf(document, ['resources', i])),
  );
}

/** What lies under some paths, with what cannot be read as problems. */
export interface PolicyFiles {
  readonly sources: readonly PolicySource[];
  readonly problems: readonly ConfigProblem[];
}

/** Reads and parses; a file that cannot be read is a problem like any other. */
export async function loadPolicies(
  paths: readonly string[],
): Promise<Result<PolicySet, readonly ConfigProblem[]>> {
  const { sources, problems } = await readPolicies(paths);
  const parsed = parsePolicies(sources);
  if (parsed.ok && problems.length === 0) return parsed;
  return fail([...problems, ...(parsed.ok ? [] : parsed.error)]);
}

/** A folder stands for its *.yaml and *.yml files by name (not *.test.yaml); it has to have one. */
export async function readPolicies(paths: readonly string[]): Promise<PolicyFiles> {
  const problems: ConfigProblem[] = [];
  const sources: PolicySource[] = [];
  for (const path of paths) {
    const files = await filesOf(path).catch((error: unknown) => unreadable(path, error));
    if ('message' in files) {
      problems.push(files);
      continue;
    }
    for (const file of files) {
      try {
        // A pipe may be named by itself (<(…) of a shell); one that lies about has no writer.
        if (file !== path && !(await stat(file)).isFile()) throw new Error('it is no regular file');
        sources.push({ file, text: await readSmall(file) });
      } catch (error) {
        problems.push(unreadable(file, error));
      }
    }
  }
  return { sources, problems };
}

/** A device or a runaway file may have no end. What is too long is refused where it is parsed. */
function readSmall(file: string): Promise<string> {
  const end = YAML_BYTES_MAX + BOM_BYTES;
  return textOf(createReadStream(file, { end }));
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(
    // Hidden ones are an editor's: locks and copies of what is being written.
    (name) => /^[^.].*\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name),
  );
  // Silently without any rule would be the end of all protection.
  if (names.length === 0) throw new Error('the folder has no policy file (*.yaml, *.yml)');
  return names.sort().map((name) => join(path, name));
}

export function unreadable(file: string, error: unknown): ConfigProblem {
  const message = error instanceof Error ? error.message : String(error);
  return problemAt(file, { line: 1, column: 1 }, `cannot be read: ${message}`);
}

/** The shipped default policy, policies/default.yaml. Throws when the installation is broken. */
export function defaultPolicies(): PolicySet {
  const { file, text } = shippedPolicy('default.yaml');
  const parsed = parsePolicies([{ file, text }]);
  if (!parsed.ok) throw new Error(`the shipped policy is invalid: ${JSON.stringify(parsed.error)}`);
  return parsed.value;
}

/** From src/config the folder is two up, from dist/src/config three. */
function shippedPolicy(name: string): PolicySource {
  const places = ['../../', '../../../'].map(
    (up) => new URL(`${up}policies/${name}`, import.meta.url),
  );
  let lastError: unknown;
  for (const place of places) {
    try {
      return { file: `policies/${name}`, text: readFileSync(place, 'utf8') };
    } catch (error) {
      lastError = error;
    }
  }
  throw new Error(`policies/${name} is missing from the installation`, { cause: lastError });
}
