// Role: the machine's own time, for tests that talk to real sockets.
import { setTimeout as wait } from 'node:timers/promises';

import { epochSeconds, seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';

export const realClock: Clock = {
  now: () => epochSeconds(Date.now() / 1_000),
  monotonic: () => seconds(performance.now() / 1_000),
  sleep: async (duration, signal) => {
    await wait(duration * 1_000, undefined, signal === undefined ? {} : { signal }).catch(
      () => undefined,
    );
  },
};
