// Role: a VM that runs nowhere in the end is missed, but for one that somebody has deleted, or of
// which a human knows.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../src/domain/ids.ts';
import { bytes, GIB, seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import { h, simHost, simVm, v } from '../support/datacenter.ts';
import { virtualClock } from '../support/virtual-time.ts';
import { judgeEnd } from './judge-end.ts';
import { Judge } from './judge.ts';
import { ORDER } from './order.ts';
import { someRules } from '../support/some-rules.ts';
import type { Script } from './script.ts';
import { happen, repair } from './happen.ts';

const DB = v('db');
const RULES = someRules({ total: 2, perHostIn: 1, perHostOut: 1 });

async function world() {
  const clock = virtualClock();
  const hosts = [simHost('a'), simHost('b')];
  const fleet = { seed: 1, hosts, vms: [simVm('db', 'a')], groups: [] };
  const datacenter = new SimulatedDatacenter(fleet, clock);
  const judge = new Judge(datacenter, clock, RULES);
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const rest = { seed: 1, controllers: 1, rules: RULES, steps: [], calmAt: 0, last: h('b') };
  const script: Script = { ...rest, fleet };
  const wrongs = async (): Promise<readonly string[]> => {
    await judgeEnd(judge, { script, datacenter, ledger });
    await ledger.close();
    return judge.wrongs.map(({ invariant }) => invariant);
  };
  return { clock, datacenter, judge, wrongs };
}

describe('a VM that runs nowhere in the end', () => {
  it('is missed where its host has died', async () => {
    const { clock, datacenter, judge, wrongs } = await world();
    judge.onCrash(h('a'));
    happen({ kind: 'host-crash', host: h('a'), forSeconds: 1e6 }, datacenter, judge);
    await clock.advance(seconds(60));
    expect(await wrongs()).toEqual(['left-down']);
  });

  it('is not missed where a human was told', async () => {
    const { clock, datacenter, judge, wrongs } = await world();
    judge.onCrash(h('a'));
    happen({ kind: 'host-crash', host: h('a'), forSeconds: 1e6 }, datacenter, judge);
    judge.journal.handedOver.add(DB);
    await clock.advance(seconds(60));
    expect(await wrongs()).toEqual([]);
  });

  it('is not missed where somebody has deleted it', async () => {
    const { clock, datacenter, judge, wrongs } = await world();
    happen({ kind: 'delete', vm: DB }, datacenter, judge);
    await clock.advance(seconds(60));
    expect(datacenter.truth.down()).toEqual([DB]);
    expect(await wrongs()).toEqual([]);
  });

  it('is missed, and stands still for no reason, where nobody has', async () => {
    const { clock, datacenter, wrongs } = await world();
    datacenter.inject({ kind: 'delete', vm: DB });
    await clock.advance(seconds(60));
    expect(await wrongs()).toEqual(['kept-running', 'left-down']);
  });
});

describe('strike', () => {
  it('deletes and resizes no guest that is under way', async () => {
    const { clock, datacenter, judge } = await world();
    const order = { ...ORDER, move: moveId('m'), vm: DB, from: h('a'), to: h('b') };
    datacenter.startMove({ ...order, method: 'pre-copy' });
    await clock.advance(seconds(1));
    happen({ kind: 'delete', vm: DB }, datacenter, judge);
    happen({ kind: 'resize', vm: DB, memoryBytes: bytes(GIB) }, datacenter, judge);
    expect(judge.world.deletedAt(DB)).toBeUndefined();
    expect(judge.world.vms.get(DB)?.memoryBytes).toBe(4 * GIB);
    expect(datacenter.truth.whereabouts(DB).runningOn).toEqual([h('a')]);
  });
});

describe('repair', () => {
  it('carries a post-copy on that broke off', async () => {
    const { clock, datacenter } = await world();
    const order = { ...ORDER, move: moveId('m'), vm: DB, from: h('a'), to: h('b') };
    datacenter.inject({ kind: 'migration', vm: DB, stage: 'post-copy' });
    datacenter.startMove({ ...order, method: 'post-copy' });
    await clock.advance(seconds(60));
    expect(datacenter.truth.down()).toEqual([DB]);
    repair([], datacenter);
    await clock.advance(seconds(60));
    expect(datacenter.truth.whereabouts(DB).runningOn).toEqual([h('b')]);
  });

  it('takes a host out of maintenance mode where somebody was to do so', async () => {
    const { datacenter } = await world();
    const on = { kind: 'maintenance-mode', host: h('a'), on: true } as const;
    const marked = (): unknown => datacenter.inventory().hosts[0]?.inMaintenanceMode;
    datacenter.inject(on);
    repair([{ at: 0, kind: 'fault', fault: on }], datacenter);
    expect(marked()).toBe(true);
    repair([{ at: 0, kind: 'fault', fault: { ...on, on: false } }], datacenter);
    expect(marked()).toBe(false);
  });
});
