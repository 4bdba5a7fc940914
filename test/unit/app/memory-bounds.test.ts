// Role: what is kept in memory from one tick to the next does not grow with time.
import { describe, expect, it } from 'vitest';

import { DaemonMemory } from '../../../src/app/memory.ts';
import { moveId, vmId } from '../../../src/domain/ids.ts';
import { bytes, epochSeconds, ratio, seconds } from '../../../src/domain/units.ts';
import { BreakerBoard } from '../../../src/execute/breaker-board.ts';
import { Cancels } from '../../../src/execute/cancels.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { planOf } from '../../support/execution-bench.ts';
import { aHost, aSnapshot, TEST_NOW } from '../../support/fleet.ts';
import { aMove, aResult } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

describe('memory', () => {
  it('forgets the oldest cancels, and keeps the newest', () => {
    const cancels = new Cancels();
    for (let n = 0; n < 25_000; n += 1) {
      cancels.remember(vmId(`v${n}`));
      cancels.looked({ takenAt: epochSeconds(TEST_NOW + 1 + n) }, n);
    }
    expect(cancels.size).toBe(11_000);
    expect(cancels.isAfter(planOf([]), vmId('v24999'))).toBe(true);
    expect(cancels.isAfter(planOf([]), vmId('v0'))).toBe(false);
  });

  it('forgets the progress of moves that are under way no more', () => {
    const events = new EventBus();
    const memory = new DaemonMemory(events);
    const progress = {
      phase: 'pre-copy',
      elapsedSeconds: seconds(1),
      done: ratio(0.5),
      bytesSent: bytes(1),
      bytesRemaining: bytes(1),
      dirtyRate: undefined,
      bandwidth: undefined,
      iteration: undefined,
    } as const;
    for (let n = 0; n < 100; n += 1) {
      events.emit('move-progress', { move: aMove({ id: moveId(`m${n}`) }), vmName: 'v', progress });
    }
    expect(memory.progress.size).toBe(100);
    events.emit('snapshot', { snapshot: aSnapshot(), seconds: seconds(0) });
    expect(memory.progress.size).toBe(0);
  });

  it('keeps no more failures between two looks into the ledger than that tells', () => {
    const events = new EventBus();
    const board = new BreakerBoard({
      ledger: {
        setbacks: () => Promise.reject(new Error('not asked')),
        troubles: () => Promise.reject(new Error('not asked')),
        resetBreaker: () => Promise.reject(new Error('not asked')),
      },
      clock: manualClock(TEST_NOW),
      events,
      world: () => aSnapshot({ hosts: ['h1', 'h2'].map((id) => aHost({ id })) }),
    });
    const result = aResult({ outcome: 'failed', at: epochSeconds(TEST_NOW) });
    for (let n = 0; n < 6_000; n += 1) {
      events.emit('move-ended', { move: aMove({ vm: vmId(`v${n}`) }), vmName: 'v', result });
    }
    const into = board.current().find(({ subject }) => subject.kind === 'into');
    expect(into?.failures).toBe(5_000);
  });
});
