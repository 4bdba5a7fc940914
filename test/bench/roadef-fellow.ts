// Role: the second thread of `bench roadef`: searches what it is sent with a seed of its own, and
// meets the first one in shared memory (meeting.ts). Says nothing: the meetings say all.
import { parentPort } from 'node:worker_threads';

import { Meeting } from '../../src/plan/reassign/meeting.ts';
import { reassign } from '../../src/plan/reassign/reassign.ts';
import { budgetOf, type FellowJob } from './roadef-team.ts';

parentPort?.on('message', ({ problem, place, seed, steps, time }: FellowJob) => {
  const meeting = new Meeting(place, 1, time === undefined);
  reassign(problem, { ...budgetOf(seed, steps, time), meeting });
});
