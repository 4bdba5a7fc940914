import { expect, it } from 'vitest';

import { AlertRejections } from '../../../src/app/alert-rejections.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

it('counts each refusal, and warns once a minute for each reason', async () => {
  const clock = manualClock();
  const events = recordingEvents();
  const rejections = new AlertRejections({ clock, events });
  const guess = { reason: 'not-allowed', count: 1, detail: 'unknown token' };
  for (let i = 0; i < 100; i += 1) rejections.tell(guess);
  rejections.tell({ reason: 'invalid', count: 3, detail: 'no status' });
  await clock.pass(59);
  rejections.tell(guess);
  expect(events.of('alerts-rejected')).toHaveLength(102);
  expect(events.of('alerts-rejected')[100]).toEqual({ reason: 'invalid', count: 3 });
  const text = 'alerts did not get through, and nothing follows from them';
  const guessed = {
    key: 'refused alerts not-allowed',
    text: `${text} (not-allowed): unknown token`,
  };
  const unread = { key: 'refused alerts invalid', text: `${text} (invalid): no status` };
  expect(events.of('warning')).toEqual([guessed, unread]);
  await clock.pass(1);
  rejections.tell(guess);
  expect(events.of('warning')).toEqual([guessed, unread, guessed]);
});
