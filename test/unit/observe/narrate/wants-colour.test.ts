import { expect, it } from 'vitest';

import { wantsColour } from '../../../../src/observe/narrate.ts';

it.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
])('terminal %s and environment %j: colours %s', (isTty, env, wanted) => {
  expect(wantsColour(isTty, env)).toBe(wanted);
});
