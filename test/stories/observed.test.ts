// Story: a cluster in mode observe, for some hours. What Drover would have moved is on record, with
// what really happened: somebody moves a VM where it would have gone, a finding ends by itself, and
// Drover is restarted, quickly and after a long time; another controller takes over.
import { afterEach, expect, it } from 'vitest';

import { observedText } from '../../src/cli/verbs/observed.ts';
import { clusterId, compareText, hostId, vmId } from '../../src/domain/ids.ts';
import { formatTime } from '../../src/cli/table.ts';
import type { ObservedView } from '../../src/ports/api.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const POLICY = `
apiVersion: drover/v1
kind: Policy
rules:
  - name: host-failing
    response: evacuate
    when: { fact: host.health.worst, operator: equal, value: critical }
    for: 1m
mode: { default: observe }
`;

let by: SharedControllers | undefined;

afterEach(async () => {
  await by?.close();
  by = undefined;
});

async function started(): Promise<SharedControllers> {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id, cluster: clusterId('c1') }));
  const vms = [
    aVm({ id: 'shop', host: 'h1', criticality: 'business' }),
    aVm({ id: 'wiki', host: 'h1' }),
    aVm({ id: 'mail', host: 'h2' }),
  ];
  by = new SharedControllers(aSnapshot({ hosts, vms }), POLICY);
  await by.start('ada');
  await by.until(120);
  return by;
}

function fails({ world }: SharedControllers, host: string): void {
  const what = { component: 'disk', level: 'critical', detail: 'SMART' } as const;
  const fault = { kind: 'health', host: hostId(host), ...what, forSeconds: Infinity } as const;
  world.ofHost(fault.host).inject(fault);
}

function observed(controllers: SharedControllers, who = 'ada'): Promise<ObservedView> {
  return controllers.daemon(who).api.observed({ days: 14, limit: 99 });
}

const told = ({ settled }: ObservedView) => settled.map(({ name, text }) => `${name}: ${text}`);

it('tells what it would have moved, and what really happened', async () => {
  const story = await started();
  fails(story, 'h1');
  await story.until(300);
  const first = await observed(story);
  expect(first.open.map(({ vm, from }) => [vm, from])).toEqual([
    ['shop', 'h1'],
    ['wiki', 'h1'],
  ]);
  expect(told(first)).toEqual([]);

  // Somebody moves one of them where Drover would have put it, and Drover is restarted.
  const to = first.open.find(({ vm }) => vm === 'shop')?.to ?? '';
  story.world.ofHost(hostId(to)).inject({ kind: 'drift', vm: vmId('shop'), to: hostId(to) });
  await story.until(370);
  expect(told(await observed(story))).toEqual([
    `shop: somebody moved it to ${to}, the same host, 2 min after it was first wanted`,
  ]);
  await story.stop('ada');
  await story.until(480);
  await story.start('ada');
  await story.until(900);
  const again = await observed(story);
  expect(again.open.map(({ vm, firstAt }) => [vm, firstAt])).toEqual([
    ['wiki', first.open[1]?.firstAt],
  ]);

  // The disk was not that bad after all.
  story.world.heal('health', hostId('h1'));
  await story.until(1800);
  expect(told(await observed(story))[0]).toBe(
    'wiki: the finding ended, and it stayed on h1, 12 min after it was first wanted',
  );

  // Another host fails, and is mended while Drover is away for two hours.
  fails(story, 'h2');
  await story.until(2400);
  story.kill('ada');
  story.world.heal('health', hostId('h2'));
  await story.until(9600);
  await story.start('bob');
  await story.until(10_800);
  const view = await observed(story, 'bob');
  expect(told(view)[0]).toMatch(
    /^mail: Drover did not look for 2 h.*; what happened between is not known, and it is on h2/,
  );
  expect(view.open).toEqual([]);
  expect(view.summary.text).toBe(
    'of 3 moves that would have been made: 1 made by somebody (1 to the same host), after 2 min ' +
      'in the median; 1 needed no more: the finding ended while the VM stayed, after 12 min in ' +
      'the median; 1 of which nobody knows, as Drover did not look',
  );

  const text = observedText(view);
  expect(text).toContain(`since ${formatTime(view.since)}, of 3 moves that would have been made`);
  expect(text).toMatch(/mail .*h2 .*host h2: health.worst is critical for 60 s\n/);
  // Two lines for each in the history, however long it was wanted.
  const history = await story.daemon('bob').api.history({ about: 'wiki', limit: 99 });
  expect(history.ok && history.value.map((line) => line.text)).toEqual([
    expect.stringMatching(/^wiki would have been moved from h1 to h\d \(wanted for .*really: the/),
    expect.stringMatching(/^wiki would be moved from h1 to h\d: host h1: health.worst is critical/),
  ]);
  expect(story.lines.filter((line) => line.includes('FAILURE'))).toEqual([]);
  expect(story.world.runningOn(vmId('wiki'))).toEqual(['h1']);
});

it('tells that Drover did it after all, where the mode is changed', async () => {
  const story = await started();
  fails(story, 'h1');
  await story.until(300);
  await story.edit(POLICY.replace('observe', 'automatic'));
  await story.until(600);
  const { open, settled } = await observed(story);
  expect(open).toEqual([]);
  expect(settled.map(({ vm, outcome }) => `${vm} ${outcome}`).toSorted(compareText)).toEqual([
    'shop carried-out',
    'wiki carried-out',
  ]);
});

it('goes on where another controller takes the cluster over', async () => {
  const story = await started();
  await story.start('bob');
  fails(story, 'h1');
  await story.until(400);
  const before = await observed(story, 'bob');
  expect(before.open).toHaveLength(2);
  const holder = story.daemon('bob').api.status().leases[0]?.holder === 'bob' ? 'bob' : 'ada';
  const other = holder === 'bob' ? 'ada' : 'bob';
  story.kill(holder);
  await story.until(900);
  story.world.heal('health', hostId('h1'));
  await story.until(1800);
  const { open, settled } = await observed(story, other);
  expect(open).toEqual([]);
  expect(new Set(settled.map(({ vm, firstAt, outcome }) => [vm, firstAt, outcome]))).toEqual(
    new Set(before.open.map(({ vm, firstAt }) => [vm, firstAt, 'ended'])),
  );
});
