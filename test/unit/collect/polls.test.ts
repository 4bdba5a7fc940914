// Role: a look that is asked for anew is newer than the moment at which it was asked for, also
// where one is under way: the jobs that collect, judge and renew leases begin at the same second.
import { expect, it } from 'vitest';

import { actsOn } from '../../../src/app/lease-parts.ts';
import { Polls } from '../../../src/collect/polls.ts';
import { seconds } from '../../../src/domain/units.ts';
import { anInventory, hostFacts, NO_CONTEXT, ScriptedSource, setUp } from './support.ts';

it('asks again after the poll that is under way', async () => {
  const lab = new ScriptedSource('lab');
  const { clock, collector } = setUp({ hypervisors: [lab] });
  const polls = new Polls(() => collector.poll());
  lab.onInventory = async () => {
    await clock.sleep(seconds(3));
    return anInventory({ hosts: [hostFacts({ id: 'h1' })] });
  };
  const scheduled = polls.now();
  await clock.pass(0.1);
  const heldSince = clock.monotonic();
  const look = polls.anew();
  await clock.pass(10);
  await Promise.all([scheduled, look]);
  const seen = collector.snapshot(NO_CONTEXT);
  const isOwn = seen.hosts.map((host) => actsOn({ heldSince: () => heldSince })(host, seen));
  expect(isOwn).toEqual([true]);
});
