/**
 * Several policy files as one: options that are set differently, names that are taken twice and
 * rules that cannot both hold are reported with both places.
 */

import { isDeepStrictEqual } from 'node:util';
import type { PolicySet } from '../domain/policy.ts';
import { type ConfigDocument, type Path, problemAt } from './document.ts';
import {
  hostFailureSchema,
  limitsSchema,
  maintenanceSchema,
  migrationSchema,
  modeSchema,
  weightsSchema,
} from './options.ts';
import type { PlacementEntry, PolicyFile } from './policy-schema.ts';
import type { ConfigProblem } from './problem.ts';
import { schemaAt, keysOf } from './schema-walk.ts';

/** A policy file that is right by itself. */
export interface ParsedPolicy {
  readonly document: ConfigDocument;
  readonly name: string;
  readonly content: PolicyFile;
}

type SectionName = 'limits' | 'migration' | 'maintenance' | 'hostFailure' | 'mode' | 'weights';
export type Options = Pick<PolicySet, SectionName>;
type Sections = Pick<PolicyFile, SectionName>;

const SECTIONS = {
  limits: limitsSchema,
  migration: migrationSchema,
  maintenance: maintenanceSchema,
  hostFailure: hostFailureSchema,
  mode: modeSchema,
  weights: weightsSchema,
} as const;

export function mergeOptions(policies: readonly ParsedPolicy[]): {
  readonly value: Options;
  readonly problems: readonly ConfigProblem[];
} {
  const merged: Record<string, unknown> = {};
  const setBy = new Map<string, ParsedPolicy>();
  const problems: ConfigProblem[] = [];
  for (const policy of policies) {
    for (const path of writtenOptions(policy)) {
      const key = path.join('.');
      const value = at(policy.content, path);
      const earlier = setBy.get(key);
      if (earlier !== undefined && !isDeepStrictEqual(at(earlier.content, path), value)) {
        problems.push(
          conflict(`"${key}" has another value`, { policy, path }, { policy: earlier, path }),
        );
      }
      setBy.set(key, earlier ?? policy);
    }
  }
  const sections: Record<string, unknown> = merged;
  for (const [name, schema] of Object.entries(SECTIONS)) sections[name] = schema.parse({});
  for (const [key, policy] of setBy)
    put(sections, key.split('.'), at(policy.content, key.split('.')));
  // Every leaf of it came out of its schema, whole or put back at the place it was taken from.
  return { value: optionsOf(sections as unknown as Sections), problems };
}

/** Paths of the options that the file itself sets, down to where the schema ends. */
function writtenOptions({ document }: ParsedPolicy): Path[] {
  const walk = (written: unknown, path: readonly string[]): string[][] => {
    const schema = SECTIONS[path[0] as keyof typeof SECTIONS];
    const inner = schemaAt(schema, path.slice(1));
    const isMode = path.length === 1 && path[0] === 'mode' && typeof written === 'string';
    if (isMode) return [['mode', 'default']];
    if (keysOf(inner).length === 0 || typeof written !== 'object' || written === null)
      return [[...path]];
    return Object.entries(written).flatMap(([key, value]) => walk(value, [...path, key]));
  };
  return Object.keys(SECTIONS).flatMap((name) => {
    const written = at(document.value, [name]);
    return written === undefined ? [] : walk(written, [name]);
  });
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (here, part) =>
      typeof here === 'object' && here !== null && Object.hasOwn(here, part)
        ? Reflect.get(here, part)
        : undefined,
    value,
  );
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const parent = at(target, path.slice(0, -1));
  if (typeof parent === 'object' && parent !== null) Reflect.set(parent, path.at(-1) ?? '', value);
}

function optionsOf(sections: Sections): Options {
  const { limits, migration, maintenance, hostFailure, mode, weights } = sections;
  const { cooldown, reverseMove, ...otherLimits } = limits;
  const { downtimeLimit, timeoutPerGiB, bandwidth, ...otherMigration } = migration;
  const { perMove, ...otherWeights } = weights;
  const { suspectAfter, ...otherFailure } = hostFailure;
  return {
    limits: { ...otherLimits, cooldownSeconds: cooldown, reverseMoveSeconds: reverseMove },
    migration: {
      ...otherMigration,
      downtimeLimitSeconds: downtimeLimit,
      timeoutSecondsPerGib: timeoutPerGiB,
      bandwidth,
    },
    maintenance: {
      canaries: maintenance.canaries,
      canarySeconds: maintenance.canaryFor,
      onDeadline: maintenance.onDeadline,
    },
    hostFailure: { ...otherFailure, suspectAfterSeconds: suspectAfter },
    mode,
    weights: { ...otherWeights, perMoveBytes: perMove },
  };
}

interface Spot {
  readonly policy: ParsedPolicy;
  readonly path: Path;
}

function conflict(message: string, here: Spot, there: Spot): ConfigProblem {
  const { document } = here.policy;
  const other = there.policy.document;
  const { line, column } = other.place(there.path, 'value');
  return problemAt(
    document.file,
    document.place(here.path, 'value'),
    `${message} than at ${other.file}:${line}:${column}`,
    {
      hint: 'keep one of the two',
    },
  );
}

/** Names taken twice, and hard placement rules that leave a VM nowhere to be. */
export function contradictions(policies: readonly ParsedPolicy[]): ConfigProblem[] {
  const rules = policies.flatMap((policy) =>
    (policy.content.rules ?? []).map(({ name }, i) => ({
      name,
      spot: { policy, path: ['rules', i] },
    })),
  );
  const placement = policies.flatMap((policy) =>
    (policy.content.placement ?? []).map((entry, i) => ({
      name: entry.id,
      entry,
      spot: { policy, path: ['placement', i] },
    })),
  );
  const resources = policies.flatMap((policy) =>
    (policy.content.resources ?? []).map(({ name }, i) => ({
      name,
      spot: { policy, path: ['resources', i] },
    })),
  );
  const opposed = placement.flatMap(({ entry, spot }, i) =>
    placement
      .slice(0, i)
      .filter((other) => areOpposed(entry, other.entry))
      .map((other): ConfigProblem => {
        const message = `"${entry.id}" demands something else of the same VMs`;
        return { ...conflict(message, spot, other.spot), contradicts: true };
      }),
  );
  return [
    ...takenTwice('rule', rules),
    ...takenTwice('placement rule', placement),
    ...takenTwice('resource', resources),
    ...opposed,
  ];
}

function takenTwice(
  what: string,
  named: readonly { readonly name: string; readonly spot: Spot }[],
): ConfigProblem[] {
  const first = new Map<string, Spot>();
  return named.flatMap(({ name, spot }) => {
    const earlier = first.get(name);
    if (earlier !== undefined) return [conflict(`another ${what} "${name}"`, spot, earlier)];
    first.set(name, spot);
    return [];
  });
}

function areOpposed(a: PlacementEntry, b: PlacementEntry): boolean {
  if (a.strength !== 'hard' || b.strength !== 'hard' || !isDeepStrictEqual(a.vms, b.vms))
    return false;
  const kinds = [a.kind, b.kind].sort().join();
  if (kinds === 'avoid,pin') return isDeepStrictEqual(a.hosts, b.hosts);
  return kinds === 'affinity,anti-affinity' && (a.over ?? 'host') === (b.over ?? 'host');
}
