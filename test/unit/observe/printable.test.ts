import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { printable, withoutSecrets } from '../../../src/observe/printable.ts';

describe('printable', () => {
  it.each([
    ['an escape sequence', 'vm\u001b[2Jx', 'vm\\u001b[2Jx'],
    ['an 8-bit escape', 'vm\u009b2J', 'vm\\u009b2J'],
    ['a forged line', 'vm\nERROR', 'vm\\u000aERROR'],
    ['turned writing', 'vm\u202egpj', 'vm\\u202egpj'],
    ['what people write', 'Zürich büro 東京 🐑', 'Zürich büro 東京 🐑'],
  ])('keeps %s from a terminal', (_what, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('leaves one line whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), (codes) => {
        const text = String.fromCharCode(...codes);
        expect(printable(text)).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}/u);
      }),
    );
  });
});

describe('without secrets', () => {
  it.each([
    ['a field at any depth', '{"a":{"b":[{"apiToken":"s3cr\\"et"}]}}'],
    ['a password in an address', '"qemu+tcp://root:s3cret@h1/system refused"'],
    ['a header in a message', '"401 for authorization: Bearer s3cret-s3cret"'],
  ])('hides %s', (_what, line) => {
    expect(withoutSecrets(line)).toContain('[redacted]');
    expect(withoutSecrets(line)).not.toContain('s3cr');
  });

  it('keeps lines of JSON well formed', () => {
    const value = fc.dictionary(
      fc.constantFrom('token', 'password', 'text', 'n'),
      fc.oneof(fc.string(), fc.constant('x://a:b@c Bearer abcdefgh')),
    );
    fc.assert(
      fc.property(value, (fields) => {
        const safe = withoutSecrets(JSON.stringify(fields));
        expect(Object.keys(JSON.parse(safe) as object)).toEqual(Object.keys(fields));
      }),
    );
  });

  it('leaves other keys alone', () => {
    const line = '{"key":"maintenance mode h1","tokens":3}';
    expect(withoutSecrets(line)).toBe(line);
  });

  it('leaves addresses without credentials alone', () => {
    const line = '"http://127.0.0.1:9090/api and 12:30@h1, user:name"';
    expect(withoutSecrets(line)).toBe(line);
  });
});
