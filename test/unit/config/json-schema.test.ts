// Role: the published schemas say what the parsers accept, and the tables what there is to set.
import { describe, expect, it } from 'vitest';

import {
  daemonOptionsTable,
  generatedConfigFiles,
  policyOptionsTable,
} from '../../../src/config/generated.ts';
import {
  daemonJsonSchema,
  fleetJsonSchema,
  planOutputJsonSchema,
  policyJsonSchema,
} from '../../../src/config/json-schema.ts';

describe('JSON Schemas', () => {
  it('know options with their defaults and meaning, facts and operators', () => {
    const schema = JSON.stringify(policyJsonSchema());
    expect(schema).toContain('Share of its CPU that no target may exceed');
    expect(schema).toContain('"default":"80%"');
    expect(schema).toContain('host.cpu.used.ratio.p95');
    expect(schema).toContain('greaterThanInclusive');
  });

  it('ask of a minimal fleet no more than the parser does', () => {
    const schema = fleetJsonSchema() as {
      required: string[];
      properties: Record<string, { items: { required: string[] } }>;
    };
    expect(schema.required).toEqual(['apiVersion', 'kind', 'hosts', 'vms']);
    expect(schema.properties['vms']?.items.required).toEqual(['id', 'host', 'vcpus']);
    expect(schema.properties['hosts']?.items.required).toEqual(['id', 'memory']);
  });

  it('refuse unknown keys, as the parser does', () => {
    for (const schema of [policyJsonSchema(), fleetJsonSchema(), daemonJsonSchema()]) {
      expect(schema['additionalProperties']).toBe(false);
    }
    expect(planOutputJsonSchema()['required']).toContain('moves');
  });

  it('keep what is only for us to themselves', () => {
    for (const { text } of generatedConfigFiles()) {
      expect(text).not.toMatch(/^ *"(expected|written|doc)": "/m);
    }
  });
});

describe('tables of options', () => {
  it('list every option with its default', () => {
    expect(policyOptionsTable()).toContain('| `limits.safetyCapacity.cpu` | `80%` | Share of');
    expect(policyOptionsTable()).toContain('`mode.default`');
    expect(daemonOptionsTable()).toContain('| `http.listen` | `127.0.0.1:7466` |');
  });
});
