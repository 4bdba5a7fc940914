// Role: a cancel of a move that was begun, while its note is being written.
import { expect, it } from 'vitest';

import type { MoveTask } from '../../../src/execute/move-task.ts';
import type { Running } from '../../../src/execute/running.ts';
import { cancelRunning } from '../../../src/execute/cancel-running.ts';
import { TEST_NOW } from '../../support/fleet.ts';
import { aMove } from '../../support/ledger-records.ts';

/** A task as far as a cancel sees it. */
function aTask(stage: MoveTask['stage']): MoveTask {
  const seen = { stage, cancelled: undefined, wake: new AbortController() };
  return seen as unknown as MoveTask;
}

function aRunning(task: MoveTask | undefined): Running {
  const record = { move: aMove({}) } as Running['record'];
  return { record, task, reached: 'pre-copy', seen: Promise.resolve(), done: Promise.resolve() };
}

/** `meanwhile`: what happens until the note is on record. */
function cancel(running: Running, meanwhile: () => void) {
  const addStages = (): Promise<void> => {
    meanwhile();
    return Promise.resolve();
  };
  const ledger = { addStages } as unknown as Parameters<typeof cancelRunning>[2]['ledger'];
  const clock = { now: () => TEST_NOW } as Parameters<typeof cancelRunning>[2]['clock'];
  return cancelRunning(running, 'cancelled by ada', { clock, ledger });
}

it.each([
  ['there was none', undefined],
  ['it is followed anew', aTask('pre-copy')],
])('is heard by the task that was made meanwhile where %s', async (_name, before) => {
  const running = aRunning(before);
  const made = aTask('pre-copy');
  const answer = await cancel(running, () => {
    running.task = made;
  });
  expect(answer).toBe('cancelling');
  expect(made.cancelled).toBe('cancelled by ada');
  expect(made.wake.signal.aborted).toBe(true);
});

it('is too late where the move has passed its point of no return meanwhile', async () => {
  const task = aTask('pre-copy');
  const answer = await cancel(aRunning(task), () => {
    task.stage = 'commitment';
  });
  expect(answer).toBe('too-late');
  expect(task.cancelled).toBeUndefined();
});

it.each([
  ['ended', undefined],
  ['cancelling', 'cold'],
])('is %s where the move is being closed and %s follows', async (answer, instead) => {
  const task = aTask('pre-copy');
  const end = { outcome: 'failed', detail: '', instead };
  Object.assign(task, { ending: { end } });
  expect(await cancel(aRunning(task), () => undefined)).toBe(answer);
});
