/** JSON Schemas for editors and other programs, made from the schemas that do the parsing. */

import { z } from 'zod';
import { conditionJsonSchema } from './conditions.ts';
import { MODES } from '../domain/policy.ts';
import { daemonSchema } from './daemon-schema.ts';
import { fleetSchema } from './fleet-schema.ts';
import { windowJsonSchema } from './measure.ts';
import { modeObject } from './options.ts';
import { planOutputSchema } from './plan-output.ts';
import { policySchema } from './policy-schema.ts';

/** What a schema says to us but not to JSON Schema. */
const OURS = ['expected', 'doc', 'written'] as const;

export function jsonSchemaOf(schema: z.ZodType, title: string): Record<string, unknown> {
  const made = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override({ jsonSchema }) {
      for (const key of OURS) delete jsonSchema[key];
    },
  });
  return { ...made, title };
}

/** Of a fleet file. */
export function fleetJsonSchema(): Record<string, unknown> {
  return { ...jsonSchemaOf(fleetSchema, 'Drover fleet'), $defs: { window: windowJsonSchema() } };
}

/** Of drover.yaml. */
export function daemonJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(daemonSchema, 'Drover daemon');
}

/** Of the output of `drover plan --json`. */
export function planOutputJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(planOutputSchema, 'Drover plan');
}

/** Of a policy file. */
export function policyJsonSchema(): Record<string, unknown> {
  const made = jsonSchemaOf(policySchema, 'Drover policy');
  const { $schema: _, title: __, ...mode } = jsonSchemaOf(modeObject, '');
  return {
    ...made,
    // A preprocessed form is opaque to the generator: `mode` may also be the mode itself.
    properties: {
      ...Object(made['properties']),
      mode: { anyOf: [{ enum: [...MODES, 'by-source'] }, mode] },
    },
    $defs: { condition: conditionJsonSchema() },
  };
}
