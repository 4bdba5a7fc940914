// Role: what is done about each VM of a large fleet, or each move on record, is done in slices: how
// often each of them looks whether others are to have their turn.
import { expect, it, onTestFinished } from 'vitest';

import { vmViews } from '../../../src/app/views.ts';
import { directoryOf } from '../../../src/collect/fleet.ts';
import { LossWatch } from '../../../src/collect/lost-guests.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import type { Slices } from '../../../src/domain/slices.ts';
import { guestsOf, indexInSlices, vmOf } from '../../../src/domain/snapshot-index.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { implausibleInSlices } from '../../../src/execute/implausible.ts';
import { type FinishedCopy, learnInSlices } from '../../../src/plan/learn.ts';
import { hostWorldsInSlices } from '../../../src/rules/host-facts.ts';
import { buildDatacenter } from '../../../src/simulate/datacenter.ts';
import { daemonOnVirtualTime } from '../../support/daemon-on-virtual-time.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { anInventory, hostFacts, vmFacts } from '../collect/support.ts';

const VMS = 5_000;
const ids = Array.from({ length: VMS }, (_none, index) => `v${index}`);

function looksOf<Value>(work: Slices<Value>): { readonly looks: number; readonly value: Value } {
  for (let looks = 0; ; looks += 1) {
    const step = work.next();
    if (step.done === true) return { looks, value: step.value };
  }
}

it('an inventory that is taken in', () => {
  const hosts = [hostFacts({ id: 'h1' })];
  const before = anInventory({ hosts, vms: ids.map((id) => vmFacts({ id, host: 'h1' })) });
  const now = anInventory({ hosts, vms: before.vms.slice(0, -1) });
  // As many VMs once more: each list is gone through.
  expect(looksOf(new LossWatch().judge(before, now)).looks).toBeGreaterThanOrEqual(8);
  const directory = looksOf(directoryOf(before));
  expect(directory.looks).toBeGreaterThanOrEqual(4);
  expect(directory.value.findVm('v4999')?.id).toBe('v4999');
});

it('the index of a snapshot, which then is there', () => {
  const vms = ids.map((id, index) => aVm({ id, host: `h${index % 2}` }));
  const { looks, value } = looksOf(indexInSlices(vms));
  expect(looks).toBeGreaterThanOrEqual(4);
  expect(looksOf(indexInSlices(vms))).toEqual({ looks: 0, value });
  const [, second] = vms;
  expect(second && vmOf({ vms }, second.id)).toBe(second);
  expect(second && guestsOf({ vms }, second.host)).toHaveLength(VMS / 2);
});

it('what the API shows of VMs, each of which is made as it is asked for', () => {
  let made = 0;
  const vms = ids.map((id) => {
    const { metrics, ...rest } = aVm({ id, host: 'h1' });
    return {
      ...rest,
      get metrics() {
        made += 1;
        return metrics;
      },
    };
  });
  const snapshot = { ...aSnapshot({ hosts: [aHost({ id: 'h1' })] }), vms };
  const views = vmViews(snapshot);
  expect(made).toBe(0);
  expect(views.take(10).toArray()).toHaveLength(10);
  expect(made).toBe(10);
});

it('the facts of the rules', () => {
  const vms = ids.map((id) => aVm({ id, host: 'h1' }));
  const snapshot = aSnapshot({ hosts: [aHost({ id: 'h1' })], vms });
  const { looks, value } = looksOf(hostWorldsInSlices(snapshot, [], aPolicy().limits));
  expect(looks).toBeGreaterThanOrEqual(4);
  expect(value[0]?.runningVms).toBe(VMS);
});

it('the reading of a simulated datacenter, before its hosts', () => {
  const source = sourceId('simulated');
  const spec = { hosts: 200, vms: VMS, seed: 1, source };
  const { looks } = looksOf(buildDatacenter(spec, manualClock()).readInSlices());
  const ofHosts = 200 / 10;
  expect(looks).toBeGreaterThanOrEqual(ofHosts + 4);
});

it('what is learned of moves that share their links', () => {
  const [host, other] = [aHost({ id: 'h1' }).id, aHost({ id: 'h2' }).id];
  const copies = Array.from({ length: 20 }, (_none, index): FinishedCopy => {
    return {
      vm: aVm({ id: `v${index}` }).id,
      from: host,
      to: other,
      endedAt: epochSeconds(1_000 + index),
      seconds: 5 + index,
      bytes: 4e9,
      memoryBytes: 4e9,
      dirtying: { kind: 'rate', rate: 0 },
      nominalBandwidth: 1.25e9,
      sharing: 2,
      neighbours: 1,
    };
  });
  // One candidate for the contention between two looks.
  expect(looksOf(learnInSlices(copies, epochSeconds(2_000), 0.3)).looks).toBeGreaterThan(10);
});

it('what the status asks of a snapshot, which is known before anybody can ask', async () => {
  const bench = await daemonOnVirtualTime('64-shared-uplink');
  onTestFinished(() => bench.stop());
  const looks: number[] = [];
  bench.events.on('snapshot', ({ snapshot }) => {
    looks.push(looksOf(implausibleInSlices(snapshot)).looks);
  });
  await bench.pass(60);
  expect(new Set(looks)).toEqual(new Set([0]));
});
