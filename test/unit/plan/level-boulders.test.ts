// Role: VMs that put their host beyond the dead band alone are moved before the small ones.
import { describe, expect, it } from 'vitest';

import { Draft } from '../../../src/plan/draft.ts';
import { moveBoulders } from '../../../src/plan/level-boulders.ts';
import { Field } from '../../../src/plan/level-field.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

/** The hosts to which VMs go, by VM, of a fleet whose level is 31 %. */
function movedOf(giant: { readonly cpuUsed: number; readonly memoryGib: number }): string[] {
  const hosts = [32, 32, 64].map((threads, i) => {
    return aHost({ id: ['h1', 'h2', 'large'][i] ?? '', threads, memoryGib: 256 });
  });
  const left = 26 - giant.cpuUsed;
  const vms = [
    aVm({ id: 'giant', host: 'h1', ...giant }),
    ...[0, 1, 2, 3, 4].map((i) => aVm({ id: `s${i}`, host: 'h1', cpuUsed: left / 5 })),
    aVm({ id: 'ballast', host: 'large', cpuUsed: 4, memoryGib: 130 }),
    aVm({ id: 'other', host: 'h2', cpuUsed: 10, memoryGib: 100 }),
  ];
  const finding = aFinding('level');
  const asked = request({ hosts, vms }, [finding]);
  const setting = makeSetting(asked);
  const terms = setting.termsOf(finding.tier);
  const { weights, limits } = asked;
  const draft = new Draft(setting.state);
  const settings = { finding, terms, weights, margin: limits.gainMargin, mostMoves: Infinity };
  const field = new Field(draft, settings);
  const isMoved = moveBoulders(field);
  const { model } = setting;
  const moved = field.made().map(({ vm, to }) => `${model.vms[vm]?.id} > ${model.hosts[to]?.id}`);
  expect(isMoved).toBe(moved.length > 0);
  return moved;
}

describe('VMs too large for their host', () => {
  it('go first where they are not too large', () => {
    expect(movedOf({ cpuUsed: 16, memoryGib: 100 })).toEqual(['giant > large']);
  });

  it('stay where the host can get level with them', () => {
    expect(movedOf({ cpuUsed: 11, memoryGib: 100 })).toEqual([]);
  });

  it('stay where no host has room for them, or all are too small', () => {
    expect(movedOf({ cpuUsed: 16, memoryGib: 160 })).toEqual([]);
    expect(movedOf({ cpuUsed: 25, memoryGib: 100 })).toEqual([]);
  });
});
