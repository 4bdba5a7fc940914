// Role: a cancel of what cannot be the id of anything: told, and no error of the daemon.
import { afterEach, beforeEach, expect, it } from 'vitest';

import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
beforeEach(async () => {
  bench = await daemonOnVirtualTime('55-approve');
});
afterEach(() => bench.stop());

it.each(['\u0000', '', ' web-1 ', 'nobody'])('cancel of %j finds nothing', async (name) => {
  const answer = await bench.daemon.api.cancel({ name: name, by: 'anna', withdraw: false });
  expect(answer).toMatchObject({ ok: false, error: { status: 404, code: 'not-found' } });
});
