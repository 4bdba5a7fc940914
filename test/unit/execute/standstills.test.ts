// Role: since when a move stands still, over being let go and taken up again.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { Standstills } from '../../../src/execute/standstills.ts';

const ONE = moveId('m1');

describe('standstills', () => {
  it('go on while nobody has looked for a minute at most, and begin anew after that', () => {
    const still = new Standstills();
    expect(still.since(ONE, 'stopped', seconds(100))).toBe(100);
    expect(still.since(ONE, 'stopped', seconds(160))).toBe(100);
    expect(still.since(ONE, 'stopped', seconds(221))).toBe(221);
  });

  it('begin anew where the VM is seen elsewhere, or its move goes on', () => {
    const still = new Standstills();
    still.since(ONE, 'stopped', seconds(0));
    expect(still.since(ONE, 'arriving', seconds(3))).toBe(3);
    expect(still.since(ONE, 'stopped', seconds(6))).toBe(6);
    still.forget(ONE);
    expect(still.since(ONE, 'stopped', seconds(9))).toBe(9);
    expect(still.since(moveId('m2'), 'stopped', seconds(9))).toBe(9);
  });

  it('are bounded', () => {
    const still = new Standstills();
    for (let n = 0; n < 3_000; n += 1) still.since(moveId(`m${n}`), 'stopped', seconds(n));
    expect(still.size).toBe(1_000);
  });
});
