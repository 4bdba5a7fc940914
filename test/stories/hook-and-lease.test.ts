// Story: a maintenance hook is at work when a second controller comes up, or its own one goes. Two
// never run it at once, and only who runs it last says what became of it.
import { afterEach, describe, expect, it } from 'vitest';

import { clusterId } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { seconds } from '../../src/domain/units.ts';
import { aHost, aSnapshot } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const HOOKS = { patch: { takes: seconds(600), answers: ['done'], attempts: 2 } } as const;

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

/** Of the two clusters c1 goes first where one is given away. */
function fleet(): Snapshot {
  const hosts = ['c1', 'c1', 'c2', 'c2'].map((cluster, index) =>
    aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
  );
  return aSnapshot({ hosts });
}

/** ada is alone, and has the hook run on h1 of c1 from the third minute on. */
async function atWork(): Promise<SharedControllers> {
  pair = new SharedControllers(fleet(), ORDERED_POLICY);
  await pair.start('ada', undefined, HOOKS);
  await pair.until(60);
  const by = { kind: 'operator', name: 'anna' } as const;
  const wanted = { kind: 'maintenance', host: 'h1', reason: 'new kernel', by } as const;
  const { api } = pair.daemon('ada');
  const answer = await api.giveOrder({
    ...wanted,
    dedupeKey: '',
    deadlineSeconds: null,
    hook: 'patch',
  });
  expect(answer.ok).toBe(true);
  await pair.until(200);
  await pair.start('bob', undefined, HOOKS);
  return pair;
}

describe('a hook that is at work', () => {
  it('keeps its cluster at the controller that runs it', async () => {
    const by = await atWork();
    await by.until(900);
    expect(by.lines).toEqual([
      '00:00:00 ada: c1: acting here from now on',
      '00:00:00 ada: c2: acting here from now on',
      '00:01:00 ada: h1 is empty: hook patch runs (attempt 1)',
      '00:03:30 ada: c2: given back',
      '00:03:30 bob: c2: acting here from now on',
      '00:11:00 ada: hook patch is done on h1',
      '00:13:00 ada: h1 has been well since the hook patch',
    ]);
  });

  it('is cut off before the leases are given back, and run again by who gets them', async () => {
    const by = await atWork();
    await by.until(300);
    by.lines.length = 0;
    await by.stop('ada');
    await by.until(1200);
    expect(by.lines).toEqual([
      '00:05:00 ada: hook patch is cut off',
      '00:05:00 ada: c1: given back',
      '00:05:40 bob: c1: acting here from now on',
      '00:06:00 bob: h1 is empty: hook patch runs (attempt 2)',
      '00:16:00 bob: hook patch is done on h1',
      '00:18:00 bob: h1 has been well since the hook patch',
    ]);
  });

  it('is decided by whoever took it up: an attempt of before has no say any more', async () => {
    const by = await atWork();
    await by.until(300);
    by.lines.length = 0;
    // Its attempt goes on, and ends well at 00:11:00.
    by.kill('ada');
    await by.until(1200);
    expect(by.lines).toEqual([
      '00:06:30 bob: c1: acting here from now on, after ada',
      '00:07:00 bob: h1 is empty: hook patch runs (attempt 2)',
      '00:17:00 bob: hook patch is done on h1',
      '00:19:00 bob: h1 has been well since the hook patch',
    ]);
  });
});
