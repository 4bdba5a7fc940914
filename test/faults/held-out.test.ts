// Role: a host that something else keeps in the maintenance mode of its platform to the end: who is
// to leave another host goes round it. What is drawn (draw-ways.ts) ends with the other trouble.
import { describe, expect, it } from 'vitest';

import type { FaultOf } from '../../src/simulate/fault.ts';
import { h, simHost, simVm } from '../support/datacenter.ts';
import { someRules } from '../support/some-rules.ts';
import type { Script } from './script.ts';
import { simulate } from './simulate.ts';

/** Host a is to be emptied in the end; b and c have room for all that it holds. */
function script(faults: readonly FaultOf<'maintenance-mode'>[]): Script {
  const hosts = ['a', 'b', 'c'].map((name) => simHost(name));
  const vms = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3'].map((name) => {
    return simVm(name, name.slice(0, 1));
  });
  return {
    seed: 1,
    controllers: 1,
    fleet: { seed: 1, hosts, vms, groups: [] },
    rules: someRules(),
    steps: faults.map((fault) => ({ at: 10, kind: 'fault', fault })),
    calmAt: 600,
    last: h('a'),
  };
}

describe('a host that something else has put into the maintenance mode of its platform', () => {
  it('is not needed to empty another one', async () => {
    const { wrongs } = await simulate(script([]));
    expect(wrongs).toEqual([]);
  });

  it('is gone round', { timeout: 60_000 }, async () => {
    const { wrongs } = await simulate(
      script([{ kind: 'maintenance-mode', host: h('c'), on: true }]),
    );
    expect(wrongs).toEqual([]);
  });
});
