// Role: a ledger that cannot be written, seen from outside: nothing is begun, the fleet is served
// all the same, everybody is told, and it goes on by itself.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { statusText } from '../../../src/cli/verbs/status.ts';
import type { EventMap } from '../../../src/domain/events.ts';
import { bytes, epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

const STORY = '50-maintenance-and-home';

const ORDER = {
  kind: 'maintenance',
  host: 'h1',
  reason: 'fans',
  by: { kind: 'operator', name: 'ada' },
  dedupeKey: '',
  deadlineSeconds: null,
} as const;

let bench: VirtualDaemon;
let told: EventMap['ledger'][];
let started: number;
/** Ends of moves that did not go well. */
let ended: string[];
function listen(): void {
  told = [];
  started = 0;
  ended = [];
  bench.events.on('move-ended', ({ result }) => {
    if (result.outcome !== 'succeeded') ended.push(`${result.outcome}: ${result.detail}`);
  });
  bench.events.on('ledger', (event) => told.push(event));
  bench.events.on('move-stage', ({ stage, phase }) => {
    if (stage === 'pre-copy' && phase === 'before') started += 1;
  });
}
afterEach(() => bench.stop());

describe('a full disk', () => {
  let ledger: Ledger;
  beforeEach(async () => {
    bench = await daemonOnVirtualTime(STORY, {
      store: async (file, clock) => {
        ledger = await openSqliteLedger({ file, clock, maxBytes: bytes(700_000) });
        return ledger;
      },
    });
    listen();
  });

  async function fill(): Promise<void> {
    const at = epochSeconds(1);
    const about = { vm: undefined, host: undefined, from: undefined, move: undefined };
    for (const size of [50_000, 3_000, 100]) {
      const entry = { at, kind: 'error', ...about, text: 'x'.repeat(size) } as const;
      const rejected = await (async () => {
        for (;;) await ledger.addHistory([entry]);
      })().catch((error: unknown) => error);
      expect(rejected).toMatchObject({ code: 'full' });
    }
  }

  it('stops what was ordered, serves on, and lets it go on when there is room', async () => {
    const { api } = bench.daemon;
    await bench.pass(60);
    expect((await api.giveOrder(ORDER)).ok).toBe(true);
    await fill();
    await bench.pass(180);
    expect(started).toBe(0);
    expect(api.readiness()).toMatchObject({ ready: false });
    expect(api.readiness().reasons.join()).toContain('nothing is begun: the ledger cannot grow');
    const status = api.status();
    expect(status.ledger).toMatchObject({ writable: false });
    expect(statusText(status)).toContain('STOPPED, nothing is begun: the ledger cannot grow');
    // What is shown is not of before the trouble.
    expect(status.now - (status.snapshotAt ?? 0)).toBeLessThan(61);
    expect(status.lastPlan).toBeNull();
    expect(told.map(({ code }) => code)).toEqual(['full']);
    expect(bench.failures.length).toBeGreaterThan(1);

    await ledger.prune({ before: epochSeconds(2), keep: 0 });
    const before = bench.failures.length;
    await bench.pass(180);
    expect(bench.failures.length).toBe(before);
    expect(told.map(({ code }) => code)).toEqual(['full', 'writable']);
    expect(api.readiness()).toMatchObject({ ready: true });
    expect(started).toBeGreaterThan(0);
    expect(api.hosts().find(({ id }) => id === 'h1')?.vms).toBe(0);
  });
});

describe('a ledger that becomes read-only or goes out of reach', () => {
  let broken: 'read-only' | 'unreachable' | undefined;
  beforeEach(async () => {
    broken = undefined;
    const reads = /^(openMoves|move|orders|history|paused|recent|trouble|setbacks|movesSince)/;
    bench = await daemonOnVirtualTime(STORY, {
      between: (ledger) =>
        new Proxy(ledger, {
          get(target, name) {
            const member: unknown = Reflect.get(target, name);
            if (typeof member !== 'function' || name === 'close') return member;
            return async (...parts: unknown[]) => {
              const isRead = reads.test(String(name));
              if (broken === 'unreachable' || (broken === 'read-only' && !isRead)) {
                throw new LedgerError(broken, 'as the test wants it');
              }
              return (await member.apply(target, parts)) as unknown;
            };
          },
        }),
    });
    listen();
  });

  it.each(['read-only', 'unreachable'] as const)(
    'begins nothing that waits (%s), and everything afterwards',
    async (code) => {
      const { api } = bench.daemon;
      await bench.pass(60);
      expect((await api.giveOrder(ORDER)).ok).toBe(true);
      await bench.daemon.tick();
      const begun = started;
      broken = code;
      await bench.pass(300);
      expect(started).toBe(begun);
      expect(api.status().ledger.writable).toBe(false);
      expect(api.hosts().toArray().length).toBeGreaterThan(0);
      broken = undefined;
      await bench.pass(300);
      expect(told.map((event) => event.code)).toEqual([code, 'writable']);
      expect(api.hosts().find(({ id }) => id === 'h1')?.vms).toBe(0);
      expect(api.status().movesInFlight).toBe(0);
      expect(ended.filter((end) => end.startsWith('failed'))).toEqual([]);
    },
  );
});
