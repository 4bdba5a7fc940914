import { describe, expect, test } from 'vitest';

import { holdingPrices, roomPrices } from '../../../../src/plan/reassign/load-tables.ts';
import { aProblem } from '../../../support/reassign.ts';

describe('the price of room', () => {
  const twoBins = aProblem([6, 60, 1], [0], {
    bins: 2,
    resources: 3,
    capacity: Float64Array.of(5, 100, 9, 5, 60, 9),
    soft: new Float64Array(6),
    softWeight: new Float64Array(6).fill(10),
    transient: Uint8Array.of(1, 1, 0),
  });

  test('all transient room costs the same in each resource: what is scarce is dear', () => {
    // Room for 4 and for 100 is left; as load beyond soft capacity that would cost 40 and 1000.
    const [scarce, ample, other] = holdingPrices(twoBins);
    expect(scarce! * 4).toBeCloseTo((40 + 1000) / 2, 9);
    expect(ample! * 100).toBeCloseTo((40 + 1000) / 2, 9);
    expect(other).toBe(0);
    expect([...roomPrices(twoBins)]).toEqual([scarce, ample, 10]);
  });

  test('room without limit, or none at all, has no price', () => {
    const capacity = Float64Array.of(3, Infinity, 9, 3, 60, 9);
    expect([...holdingPrices({ ...twoBins, capacity })]).toEqual([0, 0, 0]);
  });
});
