import { expect, it } from 'vitest';

import { collectorSettings } from '../../../src/app/collector-settings.ts';
import { defaultDaemonConfig } from '../../../src/config/daemon.ts';
import { seconds } from '../../../src/domain/units.ts';

const { schedule } = defaultDaemonConfig();

it('a poll every 30 s and the default window: means over five minutes', () => {
  expect(collectorSettings(schedule)).toMatchObject({ pollSeconds: 30, windowSeconds: 300 });
});

it('a window has room for the samples that a mean needs, however rarely sources are polled', () => {
  const rarely = { ...schedule, collectEverySeconds: seconds(300) };
  const { windowSeconds, minSamples } = collectorSettings(rarely);
  expect(windowSeconds).toBeGreaterThan((minSamples - 1) * 300 + 60);
});

it('the schedule counts real seconds, the window those of the fast clock', () => {
  const demo = { ...schedule, collectEverySeconds: seconds(1) };
  expect(collectorSettings(demo, 60)).toMatchObject({ pollSeconds: 60, windowSeconds: 300 });
});
