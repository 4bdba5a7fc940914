// Role: an order that is taken back while its host is being emptied: nobody leaves for it any more,
// and whoever left before that comes home.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
/** VMs whose move away from h1 was started, in this order. */
let left: string[];

/** Five VMs are to leave h1, two at a time. */
beforeEach(async () => {
  bench = await daemonOnVirtualTime('28-concurrency');
  left = [];
  bench.events.on('move-stage', ({ move, vmName, stage, phase }) => {
    if (stage === 'pre-copy' && phase === 'before' && move.from === 'h1') left.push(vmName);
  });
  await bench.pass(60);
  const by = { kind: 'operator', name: 'ben' } as const;
  const order = { kind: 'maintenance', host: 'h1', reason: 'fans', by, dedupeKey: '' } as const;
  await bench.daemon.api.giveOrder({ ...order, deadlineSeconds: null });
});
afterEach(() => bench.stop());

/** When the first one has arrived elsewhere. */
function whenFirstIsAway(then: () => Promise<unknown>): void {
  const off = bench.events.on('move-ended', () => {
    off();
    void then();
  });
}

const guests = () =>
  ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => {
    const vm = bench.daemon.api.vms().find(({ id }) => id === name);
    return `${name} ${String(vm?.host)}`;
  });

const AT_HOME = ['a1 h1', 'a2 h1', 'a3 h1', 'a4 h1', 'a5 h1'];

describe('an order that is taken back', () => {
  it('begins no more of what it asked for', async () => {
    let answered: number | undefined;
    whenFirstIsAway(async () => {
      const { ok } = await bench.daemon.api.returnHost('h1', 'ben');
      if (ok) answered = left.length;
    });
    void bench.daemon.hurry();
    await bench.pass(50);
    expect(answered).toBeDefined();
    expect(left.slice(answered)).toEqual([]);
    await bench.pass(900);
    expect(guests()).toEqual(AT_HOME);
  });

  it('leaves nobody away who waited while the tick took them for being home', async () => {
    const planned = Promise.withResolvers<undefined>();
    const own = bench.planning;
    let isPlanning = false;
    whenFirstIsAway(async () => {
      await bench.daemon.api.returnHost('h1', 'ben');
      // Planning takes a while, as that of a large fleet does.
      bench.planning = async (job) => {
        isPlanning = true;
        await planned.promise;
        return own(job);
      };
      return bench.daemon.tick();
    });
    void bench.daemon.hurry();
    const passed = bench.pass(60);
    // Those two that move meanwhile arrive, and make room for the last one.
    const arrived = () => guests().filter((guest) => !guest.endsWith('h1')).length;
    for (let turn = 0; turn < 20_000 && !(isPlanning && arrived() === 5); turn += 1) {
      await new Promise((done) => setImmediate(done));
    }
    expect(isPlanning).toBe(true);
    bench.planning = own;
    planned.resolve(undefined);
    await passed;
    await bench.pass(900);
    expect(guests()).toEqual(AT_HOME);
  });
});
