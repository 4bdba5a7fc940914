// Role: which moves may be in flight together.
import { describe, expect, it } from 'vitest';

import { plan, stagesOf } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

describe('the stages of a plan', () => {
  it('are as few as its moves wait for each other, whatever their order in the list', () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id }));
    const vms = ['a', 'b', 'c', 'd'].map((id) => aVm({ id }));
    const asked = request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]);
    const { plan: made } = plan(asked);
    const idOf = (index: number) => made.moves.slice(index, index + 1).map(({ id }) => id);
    const waits = [[], idOf(0), [], [...idOf(0), ...idOf(2)]];
    const moves = made.moves.map((move, index) => ({ ...move, dependsOn: waits[index] ?? [] }));
    expect(stagesOf({ ...made, moves })).toEqual([
      [0, 2],
      [1, 3],
    ]);
    const again = moves.map((move) => ({ ...move, vm: moves[0]?.vm ?? move.vm }));
    expect(stagesOf({ ...made, moves: again })).toEqual([[0], [1], [2], [3]]);
  });
});
