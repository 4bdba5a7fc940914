// Role: what is told of plans beside their moves: each contradiction once, until it has gone.
import { expect, it } from 'vitest';

import { Names } from '../../../../src/observe/narrate/names.ts';
import { PlanTeller } from '../../../../src/observe/narrate/plan-teller.ts';
import { Screen } from '../../../../src/observe/narrate/screen.ts';
import { planned } from '../../../support/sample-events.ts';

it('tells of contradictory rules once', () => {
  const screen = new Screen({
    write: () => undefined,
    isTty: false,
    colour: false,
    columns: () => 80,
  });
  const teller = new PlanTeller({ names: new Names(), screen });
  const told = (...texts: string[]) =>
    teller.planned(
      planned([], { contradictions: texts.map((text) => ({ rules: [], vms: [], text })) }),
    );
  expect(told('p and q: no host is left')).toEqual(['contradictory: p and q: no host is left']);
  expect(told('p and q: no host is left')).toEqual([]);
  // A first answer has not looked.
  teller.planned(planned([]));
  expect(told('p and q: no host is left')).toEqual([]);
  told();
  expect(told('p and q: no host is left')).toHaveLength(1);
});
