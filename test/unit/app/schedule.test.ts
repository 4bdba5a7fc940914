import { describe, expect, it } from 'vitest';

import { Closers } from '../../../src/app/closers.ts';
import { cronExpression, startSchedule } from '../../../src/app/schedule.ts';

describe('cron expressions', () => {
  it.each([
    [1, '*/1 * * * * *'],
    [30, '*/30 * * * * *'],
    [45, '*/30 * * * * *'],
    [60, '0 */1 * * * *'],
    [420, '0 */6 * * * *'],
    [3600, '0 0 */1 * * *'],
    [7200, '0 0 */2 * * *'],
    [21_600, '0 0 */6 * * *'],
    [86_400, '0 0 0 * * *'],
    [90_000, '0 0 0 * * *'],
    [0.2, '*/1 * * * * *'],
  ])('%d s is %s', (everySeconds, expression) => {
    expect(cronExpression(everySeconds)).toBe(expression);
  });
});

describe('the schedule', () => {
  it('runs no job twice at once, tells of failures, and waits for the last run', async () => {
    let running = 0;
    let most = 0;
    let ended = 0;
    const failures: string[] = [];
    const slow = {
      name: 'slow',
      everySeconds: 1,
      async run() {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        running -= 1;
        ended += 1;
      },
    };
    const broken = { name: 'broken', everySeconds: 1, run: () => Promise.reject(new Error('no')) };
    const schedule = startSchedule([slow, broken], (job) => failures.push(job));
    await new Promise((resolve) => setTimeout(resolve, 2_600));
    await schedule.stop();
    const endedAtStop = ended;
    expect(most).toBe(1);
    expect(running).toBe(0);
    expect(endedAtStop).toBeGreaterThan(0);
    expect(failures).toContain('broken');
  });
});

describe('closers', () => {
  it('close newest first, and all of them although one fails', async () => {
    const closers = new Closers();
    const closed: string[] = [];
    closers.add(() => void closed.push('first'));
    closers.add(() => Promise.reject(new Error('stuck')));
    closers.add(async () => void closed.push('last'));
    await expect(closers.close()).rejects.toThrow(/not everything/);
    expect(closed).toEqual(['last', 'first']);
  });
});
