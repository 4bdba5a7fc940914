// Role: the kill switch as people meet it: what an order answers meanwhile, and who is on record.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
beforeEach(async () => {
  bench = await daemonOnVirtualTime('55-approve');
});
afterEach(() => bench.stop());

async function ordered(kind: 'evacuate' | 'maintenance'): Promise<string> {
  const by = { kind: 'operator', name: 'anna' } as const;
  const request = { kind, host: 'h2', reason: 'fans', by, dedupeKey: '', deadlineSeconds: null };
  const answer = await bench.daemon.api.giveOrder(request);
  return answer.ok ? answer.value.text : answer.error.detail;
}

describe('while Drover is paused', () => {
  it('an order says that nothing moves, and the history who did what', async () => {
    const { api } = bench.daemon;
    await api.setPaused(true, 'ben');
    const paused = 'Drover is paused: nothing moves until drover resume';
    expect(await ordered('evacuate')).toBe(`h2 is to be evacuated: 1 VM; ${paused}`);
    expect(await ordered('evacuate')).toBe(
      `h2 is to be evacuated: 1 VM (this order was open already); ${paused}`,
    );
    expect(await ordered('maintenance')).toBe(`h2 is to enter maintenance: 1 VM; ${paused}`);
    const back = await api.returnHost('h2', 'cleo');
    expect(back).toMatchObject({ value: { text: `h2 returns to service; ${paused}` } });
    await api.setPaused(false, 'dora');
    expect(await ordered('evacuate')).toBe('h2 is being evacuated: 1 VM');
    const history = await api.history({ about: undefined, limit: 9 });
    expect(history.ok && history.value.map(({ text }) => text)).toEqual([
      'h2: evacuate ordered by operator anna: fans',
      'resumed by dora',
      'h2: returned to service by cleo',
      'h2: maintenance ordered by operator anna: fans',
      'h2: evacuate ordered by operator anna: fans',
      'paused by ben',
    ]);
  });
});
