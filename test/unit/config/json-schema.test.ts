// Role: the published schemas say what the parsers accept.
import { describe, expect, it } from 'vitest';

import { policyJsonSchema } from '../../../src/config/json-schema.ts';

describe('JSON Schema of policies', () => {
  const schema = JSON.stringify(policyJsonSchema());

  it('knows options with their defaults and meaning, facts and operators', () => {
    expect(schema).toContain('Share of its CPU that no target may exceed');
    expect(schema).toContain('"default":"80%"');
    expect(schema).toContain('host.cpu.used.ratio.p95');
    expect(schema).toContain('greaterThanInclusive');
  });

  it('keeps what is only for us to itself', () => {
    expect(schema).not.toMatch(/"(expected|written|doc)":/);
  });
});
