// Story: two controllers share a fleet, a cluster each. What has to leave a host of the one may go
// only to a host of the other. As things are neither of them may move it; it moves all the same.
import { afterEach, expect, it } from 'vitest';

import { clusterId, vmId } from '../../src/domain/ids.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

/** h1 and h2 are bob's, h3 is ada's. */
async function started(more: string): Promise<SharedControllers> {
  const hosts = ['c1', 'c1', 'c2'].map((cluster, index) =>
    aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
  );
  const vms = ['shop', 'wiki'].map((id) => aVm({ id, host: 'h1', memoryGib: 8 }));
  pair = new SharedControllers(aSnapshot({ hosts, vms }), `${ORDERED_POLICY}${more}`);
  await pair.start('ada');
  await pair.until(30);
  await pair.start('bob');
  await pair.until(120);
  pair.lines.length = 0;
  return pair;
}

function licensed(hosts: string): string {
  return `placement:
  - id: licence
    kind: pin
    strength: hard
    vms: { names: [shop] }
    hosts: { names: [${hosts}] }
`;
}

it('is moved once its controller has both clusters, and comes home', async () => {
  const by = await started(licensed('h1, h3'));
  await by.empty('ada', 'h1');
  await by.until(600);
  expect(by.lines).toEqual([
    '00:03:00 bob: wiki starts h1 -> h2',
    '00:03:05 bob: wiki succeeded h1 -> h2',
    '00:03:20 ada: c2: given back',
    '00:03:20 bob: c2: acting here from now on',
    '00:04:00 bob: shop starts h1 -> h3',
    '00:04:05 bob: shop succeeded h1 -> h3',
    '00:05:10 bob: c1: given back',
    '00:05:20 ada: c1: acting here from now on',
  ]);
  expect(by.world.runningOn(vmId('shop')).join()).toBe('h3');
  await by.daemon('ada').api.returnHost('h1', 'anna');
  await by.until(1800);
  expect(by.world.runningOn(vmId('shop')).join()).toBe('h1');
});

it('stays where it is, and each with its cluster, where that would not help', async () => {
  const by = await started(licensed('h1'));
  await by.empty('ada', 'h1');
  await by.until(1800);
  expect(by.lines).toEqual([
    '00:03:00 bob: wiki starts h1 -> h2',
    '00:03:05 bob: wiki succeeded h1 -> h2',
  ]);
  const { result } = by.daemon('bob').state ?? {};
  expect(result?.report.unresolved.map(({ code }) => code)).toEqual(['pin']);
});
