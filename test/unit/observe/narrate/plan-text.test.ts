import { expect, it } from 'vitest';

import { objectiveText } from '../../../../src/observe/narrate/plan-text.ts';

it.each([
  [10, 4, 'objective 10.00 → 4.00 (-60 %)'],
  [10, 9.95, undefined],
  [10, 14, undefined],
  [0, 0, undefined],
  [Number.NaN, 1, undefined],
])('an objective from %d to %d is told only where it gains', (before, after, text) => {
  expect(objectiveText(before, after)).toBe(text);
});
