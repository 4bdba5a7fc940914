// Story: two controllers share a fleet, a cluster each, and one place for moves. Both have a host
// to empty. It is taken in turns.
import { afterEach, expect, it } from 'vitest';

import { statusText } from '../../src/cli/verbs/status.ts';
import { clusterId, hostId } from '../../src/domain/ids.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { aRecord } from '../support/ledger-records.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

/** h1 and h2 are bob's, h3 and h4 are ada's; `isApart`: neither would take the other's. */
async function started({ isApart = false } = {}): Promise<SharedControllers> {
  const hosts = ['c1', 'c1', 'c2', 'c2'].map((cluster, index) =>
    aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
  );
  const vms = [
    ...['b1', 'b2', 'b3'].map((id) => aVm({ id, host: 'h1', memoryGib: 8 })),
    ...['a1', 'a2', 'a3'].map((id) => aVm({ id, host: 'h3', memoryGib: 8 })),
  ];
  const limits = 'limits: { concurrency: { total: 1 } }\n';
  pair = new SharedControllers(aSnapshot({ hosts, vms }), `${ORDERED_POLICY}${limits}`);
  await pair.start('ada', undefined, {}, isApart ? [clusterId('c2')] : []);
  await pair.until(30);
  await pair.start('bob', undefined, {}, isApart ? [clusterId('c1')] : []);
  await pair.until(120);
  pair.lines.length = 0;
  return pair;
}

it('is taken in turns', async () => {
  const by = await started();
  await by.empty('ada', 'h3');
  await by.empty('bob', 'h1');
  await by.until(600);
  expect(by.lines).toEqual([
    '00:02:00 ada: a1 starts h3 -> h4',
    '00:02:05 ada: a1 succeeded h3 -> h4',
    '00:02:10 bob: b1 starts h1 -> h2',
    '00:02:15 bob: b1 succeeded h1 -> h2',
    '00:02:20 ada: a2 starts h3 -> h4',
    '00:02:25 ada: a2 succeeded h3 -> h4',
    '00:02:30 bob: b2 starts h1 -> h2',
    '00:02:35 bob: b2 succeeded h1 -> h2',
    '00:02:40 ada: a3 starts h3 -> h4',
    '00:02:45 ada: a3 succeeded h3 -> h4',
    '00:02:50 bob: b3 starts h1 -> h2',
    '00:02:55 bob: b3 succeeded h1 -> h2',
  ]);
});

it('is kept for one that has died in the queue, for 90 s', async () => {
  const by = await started();
  await by.empty('ada', 'h3');
  await by.empty('bob', 'h1');
  await by.until(135);
  by.kill('ada');
  await by.until(600);
  const turns = by.lines.filter((line) => /starts|acting/.test(line));
  expect(turns).toEqual([
    '00:02:00 ada: a1 starts h3 -> h4',
    '00:02:10 bob: b1 starts h1 -> h2',
    '00:03:40 bob: c2: acting here from now on, after ada',
    '00:03:40 bob: b2 starts h1 -> h2',
    '00:03:45 bob: b3 starts h1 -> h2',
    '00:04:00 bob: a2 starts h3 -> h4',
    '00:04:05 bob: a3 starts h3 -> h4',
  ]);
});

it('is not kept for one that has died and that nobody stands by for', async () => {
  const by = await started({ isApart: true });
  by.kill('ada');
  const left = aRecord('left', 'a1');
  await by.ledger.openMove({
    ...left,
    move: { ...left.move, from: hostId('h3'), to: hostId('h4') },
    leases: [{ cluster: clusterId('c2'), token: 1 }],
  });
  await by.empty('bob', 'h1');
  await by.until(300);
  const { api } = by.daemon('bob');
  expect(statusText(api.status())).toContain('\nmoving    0 VMs; 3 moves wait for a place (');
  const why = await api.why('b1');
  expect(why.ok && why.value.about === 'vm' && why.value.planned[0]?.gate).toMatch(
    /^execute; waits for a place/,
  );
  await by.until(900);
  const [warning, ...moved] = by.lines;
  expect(warning).toMatch(/^00:04:00 bob: 3 moves have waited .* these are open: 1 of ada\. /);
  expect(moved).toEqual([
    '00:07:00 bob: b1 starts h1 -> h2',
    '00:07:05 bob: b1 succeeded h1 -> h2',
    '00:07:05 bob: b2 starts h1 -> h2',
    '00:07:09 bob: b2 succeeded h1 -> h2',
    '00:07:09 bob: b3 starts h1 -> h2',
    '00:07:14 bob: b3 succeeded h1 -> h2',
  ]);
  expect(statusText(api.status())).toContain('\nmoving    0 VMs\n');
});
