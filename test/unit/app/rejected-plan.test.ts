// Role: a plan in which the checker finds a fault, seen from outside: nothing of an older plan is
// shown as the newest, or can be approved, and it is told what was wrong; what cannot wait goes on.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type PlanJob, planAndCheck } from '../../../src/app/plan-job.ts';
import { statusText } from '../../../src/cli/verbs/status.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { Violation } from '../../../src/domain/violation.ts';
import type { Hook } from '../../../src/ports/hooks.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

const FAULT: Violation = {
  code: 'memory',
  index: undefined,
  move: undefined,
  vm: undefined,
  host: undefined,
  rule: undefined,
  detail: 'h3 would hold 70 GiB',
};

let bench: VirtualDaemon;
/** Hosts on which the hook was run. */
let patched: string[];
beforeEach(async () => {
  patched = [];
  const patch: Hook = {
    name: 'patch',
    attempts: 1,
    wellSeconds: seconds(60),
    patienceSeconds: seconds(600),
    timeoutSeconds: seconds(600),
    run: async ({ host }) => {
      patched.push(host.name);
      return { isDone: true, detail: '' };
    },
  };
  bench = await daemonOnVirtualTime('55-approve', { hooks: [patch] });
});
afterEach(() => bench.stop());

describe('a rejected plan', () => {
  it('is told of, and leaves nothing of an older one to be approved', async () => {
    const { api } = bench.daemon;
    await bench.pass(6 * 60);
    const good = api.status().lastPlan;
    expect(good).toMatchObject({ moves: 1, waiting: 1 });
    expect(statusText(api.status())).toContain(`1 waits for an approval: drover approve`);

    bench.planning = async (job) => ({ ...planAndCheck(job), violations: [FAULT] });
    await bench.pass(60);
    const status = api.status();
    expect(status.lastPlan).toBeNull();
    expect(status.rejectedPlan?.faults).toEqual(['memory: h3 would hold 70 GiB']);
    expect(statusText(status)).toMatch(
      /^last plan REJECTED at .*, id plan-\w+: nothing of it runs\n {10}memory: h3 would hold/m,
    );
    expect(api.latestPlan()).toMatchObject({ ok: false, error: { code: 'plan-rejected' } });
    const refused = await api.approve(good?.id ?? '', 'ben');
    expect(refused).toMatchObject({ ok: false, error: { status: 409, code: 'plan-rejected' } });
    expect(status.movesInFlight).toBe(0);

    bench.planning = async (job) => planAndCheck(job);
    await bench.pass(60);
    expect(api.status()).toMatchObject({ rejectedPlan: null, lastPlan: { moves: 1 } });
    const approved = await api.approve(good?.id ?? '', 'ben');
    expect(approved).toMatchObject({ ok: true, value: { moves: 1, gone: 0 } });
    expect(api.status().lastPlan).toMatchObject({ waiting: 0 });
  });

  it('keeps no deadline from being told, whether a part of it runs or nothing does', async () => {
    for (const [host, isPartGood] of [
      ['h2', true],
      ['h1', false],
    ] as const) {
      const warned: string[] = [];
      const off = bench.events.on('warning', ({ text }) => warned.push(text));
      const by = { kind: 'operator', name: 'anna' } as const;
      const order = { kind: 'evacuate', host, by, reason: 'disk', dedupeKey: '' } as const;
      bench.planning = async (job) => {
        const { result } = planAndCheck(job);
        const isPart = job.findings.every(({ tier }) => tier === 'mandatory');
        const plan = { ...result.plan, moves: [] };
        const violations = isPart && isPartGood ? [] : [FAULT];
        return { result: { ...result, plan }, violations };
      };
      await bench.pass(6 * 60);
      await bench.daemon.api.giveOrder({ ...order, deadlineSeconds: 120 });
      await bench.pass(4 * 60);
      off();
      expect(warned.join()).toContain(`${host} has missed its deadline`);
    }
  });

  it('keeps no hook from being run, and no host from being returned after it', async () => {
    const by = { kind: 'operator', name: 'anna' } as const;
    const order = { kind: 'maintenance', host: 'h2', by, reason: 'kernel', dedupeKey: '' } as const;
    bench.planning = async (job) => {
      const isPart = job.findings.every(({ tier }) => tier === 'mandatory');
      return { ...planAndCheck(job), violations: isPart && patched.length === 0 ? [] : [FAULT] };
    };
    await bench.pass(6 * 60);
    await bench.daemon.api.giveOrder({ ...order, deadlineSeconds: null, hook: 'patch' });
    await bench.pass(20 * 60);
    expect(patched).toEqual(['h2']);
    expect(bench.daemon.api.status().rejectedPlan).not.toBeNull();
    const [left] = (await bench.daemon.api.orders()).filter(({ host }) => host === 'h2');
    expect(left?.state).toBe('returning');
  });

  it('holds up nothing that cannot wait, as long as that alone is without a fault', async () => {
    const { api } = bench.daemon;
    await bench.pass(6 * 60);
    const by = { kind: 'operator', name: 'anna' } as const;
    const order = { kind: 'evacuate', host: 'h2', by, reason: 'disk', dedupeKey: '' } as const;
    await api.giveOrder({ ...order, deadlineSeconds: null });
    const isWhole = (job: PlanJob): boolean =>
      job.findings.some(({ tier }) => tier !== 'mandatory');
    bench.planning = async (job) => {
      return { ...planAndCheck(job), violations: isWhole(job) ? [FAULT] : [] };
    };
    const told: { planned: unknown[]; rejected: number } = { planned: [], rejected: 0 };
    bench.events.on('planned', (event) => told.planned.push(event));
    bench.events.on('plan-rejected', () => {
      told.rejected += 1;
    });
    await bench.pass(60);
    const status = api.status();
    expect(status.rejectedPlan?.faults).toEqual(['memory: h3 would hold 70 GiB']);
    expect(status.lastPlan).toMatchObject({ moves: 1, waiting: 0 });
    expect(status.movesInFlight).toBe(1);
    // The whole plan is told of by its faults alone.
    expect([told.planned.length, told.rejected]).toEqual([1, 1]);
    expect(statusText(status)).toMatch(
      /^last plan REJECTED at .*\n {10}memory: .*\nlast plan what cannot wait, alone: 1 move at/m,
    );

    bench.planning = async (job) => ({ ...planAndCheck(job), violations: [FAULT] });
    await bench.pass(60);
    expect(api.status()).toMatchObject({
      rejectedPlan: { at: expect.any(Number) },
      lastPlan: null,
    });
  });
});
