import { describe, expect, it } from 'vitest';

import { listed } from '../../../../src/domain/listed.ts';
import {
  durationText,
  nameText,
  percentText,
  sizeText,
  tallyText,
  timeText,
} from '../../../../src/observe/narrate/text.ts';

describe('figures for people', () => {
  it.each([
    [0, '0 ms'],
    [0.0424, '42 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1.0 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [245, '4 min 05 s'],
    [3_599.7, '1 h'],
    [7_800, '2 h 10 min'],
    [273_600, '3 d 04 h'],
    [Number.NaN, '?'],
    [Number.POSITIVE_INFINITY, '?'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it.each([
    [0, '0 KiB'],
    [5 * 2 ** 20, '5 MiB'],
    [1.5 * 2 ** 30, '1.5 GiB'],
    [3 * 2 ** 40, '3.0 TiB'],
    [Number.NaN, '?'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });

  it('says ? of shares and times that are no number', () => {
    expect([percentText(Number.NaN), timeText(Number.NaN)]).toEqual(['?', '??:??:??']);
  });

  it('cuts long names in the middle and long lists at the end', () => {
    const name = nameText(`a-very-long-prefix-${'x'.repeat(50)}-0042`);
    expect([name.length, name.slice(-5)]).toEqual([31, '-0042']);
    expect(listed(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more');
    expect(listed(['a', 'b'], 2)).toBe('a, b');
  });

  it('counts in the order given', () => {
    expect(tallyText(['b', 'a', 'b'], ['a', 'b', 'c'])).toBe('1 a, 2 b');
  });
});
