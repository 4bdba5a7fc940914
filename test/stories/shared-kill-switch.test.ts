// Story: two controllers, one kill switch. Somebody turns it at the one; the other shows it, too,
// and so does one that was started anew.
import { afterEach, expect, it } from 'vitest';

import { clusterId } from '../../src/domain/ids.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

async function started(): Promise<SharedControllers> {
  const hosts = ['h1', 'h2'].map((id) => aHost({ id, cluster: clusterId('c1') }));
  const vms = ['shop', 'wiki'].map((id) => aVm({ id, host: 'h1', memoryGib: 8 }));
  pair = new SharedControllers(aSnapshot({ hosts, vms }), ORDERED_POLICY);
  await pair.start('ada');
  await pair.start('bob');
  await pair.until(60);
  pair.lines.length = 0;
  return pair;
}

/** What both show of it. */
function shown(by: SharedControllers): unknown[] {
  return ['ada', 'bob'].map((name) => {
    const { paused, pausedBy } = by.daemon(name).api.status();
    return paused ? `paused by ${pausedBy}` : 'works';
  });
}

async function evacuate(by: SharedControllers, controller: string): Promise<string> {
  const answer = await by.daemon(controller).api.giveOrder({
    kind: 'evacuate',
    host: 'h1',
    reason: 'smoke',
    by: { kind: 'operator', name: 'anna' },
    dedupeKey: '',
    deadlineSeconds: null,
  });
  return answer.ok ? answer.value.text : answer.error.detail;
}

it('is shown by both within one renewal, and orders answer by it', async () => {
  const by = await started();
  await by.daemon('ada').api.setPaused(true, 'anna');
  await by.until(70);
  expect(shown(by)).toEqual(['paused by anna', 'paused by anna']);
  expect(await evacuate(by, 'bob')).toContain('Drover is paused');
  await by.until(300);
  await by.daemon('bob').api.setPaused(false, 'ben');
  await by.until(310);
  expect(shown(by)).toEqual(['works', 'works']);
  await by.until(420);
  const moved = by.lines.filter((line) => line.includes('succeeded'));
  expect(moved).toHaveLength(2);
  // Each change is told once by each of them.
  expect(by.lines.filter((line) => line.includes(' by '))).toEqual([
    '00:01:00 ada: paused by anna',
    '00:01:10 bob: paused by anna',
    '00:05:00 bob: resumed by ben',
    '00:05:10 ada: resumed by ben',
  ]);
});

it('is told by a controller that starts while it is on, to metrics and log, too', async () => {
  const by = await started();
  await by.daemon('ada').api.setPaused(true, 'anna');
  await by.stop('bob');
  by.lines.length = 0;
  await by.start('bob');
  expect(by.lines.map((line) => line.slice(9))).toEqual(['bob: paused by anna']);
  expect(shown(by)).toEqual(['paused by anna', 'paused by anna']);
});
