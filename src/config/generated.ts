/** The files that are made from the schemas: for editors, other programs and the README. */

import { daemonSchema } from './daemon-schema.ts';
import {
  daemonJsonSchema,
  fleetJsonSchema,
  planOutputJsonSchema,
  policyJsonSchema,
} from './json-schema.ts';
import { policySchema } from './policy-schema.ts';
import { optionRows } from './schema-walk.ts';

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export function generatedConfigFiles(): readonly GeneratedFile[] {
  const schemas = {
    'policies/policy.schema.json': policyJsonSchema(),
    'src/config/schema/fleet.schema.json': fleetJsonSchema(),
    'src/config/schema/daemon.schema.json': daemonJsonSchema(),
    'src/config/schema/plan.schema.json': planOutputJsonSchema(),
  };
  return Object.entries(schemas).map(([path, schema]) => ({
    path,
    text: `${JSON.stringify(schema, null, 2)}\n`,
  }));
}

/** Markdown tables of every option of policies and of the daemon, for their pages. */
export function policyOptionsTable(): string {
  return markdown(policySchema);
}

export function daemonOptionsTable(): string {
  return markdown(daemonSchema);
}

function markdown(schema: Parameters<typeof optionRows>[0]): string {
  const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);
  const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``);
  const rows = optionRows(schema).map(
    ({ path, doc, expected, ...row }) =>
      `| ${code(path)} | ${code(row.default ?? '')} | ${cell(doc === '' ? expected : doc)} |`,
  );
  return ['| Option | Default | Meaning |', '| --- | --- | --- |', ...rows, ''].join('\n');
}
