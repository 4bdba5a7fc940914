// Story: an alert fires on a host that rolling maintenance has just let go, by the whole daemon.
import { afterEach, expect, it } from 'vitest';

import { clusterId } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { seconds } from '../../src/domain/units.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const HOOKS = { patch: { takes: seconds(300), answers: ['done'], attempts: 1 } } as const;
const NAMES = Array.from({ length: 12 }, (_, index) => `h${index + 1}`);

let bench: SharedControllers | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

function fleet(): Snapshot {
  return aSnapshot({
    hosts: NAMES.map((id) => aHost({ id, cluster: clusterId('c1') })),
    vms: [
      aVm({ id: 'v1', host: 'h1' }),
      aVm({ id: 'v2', host: 'h1' }),
      aVm({ id: 'x', host: 'h2' }),
    ],
  });
}

const firing = (at: number) =>
  ({
    fingerprint: 'f1',
    name: 'DiskFailing',
    status: 'firing',
    startsAt: new Date(at * 1000).toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
    labels: { host: 'h1', severity: 'critical' },
    annotations: {},
  }) as const;

it('empties no further host where an alert evacuates the one before on its way back', async () => {
  bench = new SharedControllers(fleet(), ORDERED_POLICY);
  await bench.start('ada', undefined, HOOKS);
  await bench.until(60);
  const { api } = bench.daemon('ada');
  const wanted = { names: ['h1', 'h2'], batch: 1, reason: 'kernel', by: 'anna', dryRun: false };
  expect((await api.startRolling({ ...wanted, hook: 'patch' })).ok).toBe(true);
  let isTold = false;
  for (let at = 100; at < 3600; at += 60) {
    await bench.until(at);
    const [h1] = (await api.orders()).filter(({ host }) => host === 'h1');
    if (isTold || h1?.state !== 'returning') continue;
    isTold = true;
    const now = bench.daemon('ada').state?.snapshot.takenAt ?? 0;
    await api.alerts([firing(now - 10)]);
  }
  expect(isTold).toBe(true);
  expect(bench.lines.filter((line) => line.includes('h2 is empty'))).toEqual([]);
  const heldBy = 'h1: evacuate ordered by alert DiskFailing: DiskFailing';
  expect(await api.rollings()).toMatchObject([{ heldBy, waiting: ['h2'] }]);
});
