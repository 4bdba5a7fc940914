// Role: what a plan has left behind is given back once nothing is asked, and not before.
import { setTimeout } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { SpareMemory } from '../../../src/app/spare-memory.ts';

/** Old enough that no scavenge of the young generation would find it: as what a plan leaves is. */
function leftBehind(): WeakRef<object> {
  return new WeakRef({ plan: Array.from({ length: 1000 }, (_, at) => ({ at })) });
}

describe('spare memory', () => {
  it('is given back when it is quiet', async () => {
    const spare = new SpareMemory(1);
    const plan = leftBehind();
    spare.soon();
    await setTimeout(200);
    expect(plan.deref()).toBeUndefined();
  });

  it('stays where the next piece of work comes before that', async () => {
    const spare = new SpareMemory(60_000);
    const plan = leftBehind();
    spare.soon();
    spare.soon();
    await setTimeout(200);
    expect(plan.deref()).toBeDefined();
  });
});
