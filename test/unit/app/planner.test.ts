// Role: plan jobs in the real worker thread: the same answer as without one, and before it that of
// what cannot wait; the event loop goes on while a fleet is handed over.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { packInputs, unpackInputs } from '../../../src/app/plan-inputs.ts';
import {
  type CheckedPlan,
  type PlanJob,
  planAndCheck,
  urgentPart,
} from '../../../src/app/plan-job.ts';
import { Planner, PlanSuperseded } from '../../../src/app/planner.ts';
import { replay } from '../../../src/app/replay.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const HOT = aFinding('relieve', { host: 'h1' });
const DRAIN = aFinding('evacuate', { host: 'h0' });
/** Enough for a thread to begin, and not for the fleet that it is given. */
const SCANT_MIB = 12;

/** Ten VMs a host; h1 is hot. */
function job(hosts: number, findings: PlanJob['findings']): PlanJob {
  const vms = Array.from({ length: 10 * hosts }, (_none, index) => {
    const host = index % hosts;
    const cpuUsed = host === 1 ? 1.4 : 0.2;
    return aVm({ id: `v${index}`, host: `h${host}`, vcpus: 2, memoryGib: 1, cpuUsed });
  });
  const machines = Array.from({ length: hosts }, (_none, index) => aHost({ id: `h${index}` }));
  const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
  return { snapshot: aSnapshot({ hosts: machines, vms }), findings, ...settings, seed: 1 };
}

/** More than is reckoned with for so many VMs: 120 MiB. */
function withMuchToTell(asked: PlanJob): PlanJob {
  const vms = asked.snapshot.vms.map((vm) => ({ ...vm, labels: { notes: 'x'.repeat(2e5) } }));
  return { ...asked, snapshot: { ...asked.snapshot, vms } };
}

let planner: Planner;
beforeEach(() => {
  planner = new Planner();
});
afterEach(() => planner.close());

describe('the planner in its worker', () => {
  it('answers as planning without one does, jobs at the same time kept apart', async () => {
    const jobs = [job(120, [HOT]), job(40, [HOT, DRAIN])];
    const answers = await Promise.all(jobs.map((one) => planner.run(one)));
    expect(answers).toEqual(jobs.map(planAndCheck));
    expect(answers.map(({ result }) => result.plan.moves.length > 0)).toEqual([true, true]);
  });

  it('leaves the event loop free between the parts of a fleet', async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    const run = planner.run(job(240, [HOT]));
    const before = turns;
    setImmediate(count);
    await run;
    isOver = true;
    // 240 hosts and 2,400 VMs in parts of 500.
    expect([before, turns >= 6]).toEqual([0, true]);
  });

  it('tells first what cannot wait, and keeps to it in the whole plan', async () => {
    const asked = job(240, [HOT, DRAIN]);
    const early: CheckedPlan[] = [];
    const whole = await planner.run(asked, (checked) => early.push(checked));
    expect(early).toEqual([planAndCheck({ ...asked, findings: [DRAIN] })]);
    expect(whole).toEqual(planAndCheck(asked));
    const ids = new Set(whole.result.plan.moves.map(({ id }) => id));
    const first = early[0]?.result.plan.moves ?? [];
    expect(first).toHaveLength(10);
    expect(first.filter(({ id }) => !ids.has(id))).toEqual([]);
  });

  it('packs a job as it is packed without a worker, also while it plans', async () => {
    const asked = job(120, [HOT]);
    const [checked, packed] = await Promise.all([planner.run(asked), planner.pack(asked)]);
    expect(unpackInputs(packed)).toEqual(unpackInputs(packInputs(asked)));
    expect(replay(checked.result, packed).same).toBe(true);
  });

  it('gives a job up for one that cannot wait, on a fleet that has changed a little', async () => {
    const asked = job(240, [HOT]);
    const long = planner.run(asked);
    const { hosts } = asked.snapshot;
    const draining = hosts.map((host) =>
      host.id === 'h0' ? ({ ...host, state: 'draining' } as const) : host,
    );
    const snapshot = { ...asked.snapshot, hosts: draining };
    const urgent = { ...asked, snapshot, findings: [DRAIN], isFirst: true };
    const first = planner.runUrgent(urgent);
    await expect(long).rejects.toThrow(PlanSuperseded);
    expect(await first).toEqual(planAndCheck(urgent));
    expect(await planner.run(asked)).toEqual(planAndCheck(asked));
  });

  it('has more memory after it has run out of it', { timeout: 60_000 }, async () => {
    const small = new Planner(SCANT_MIB);
    const asked = withMuchToTell(job(60, [HOT]));
    let failures = 0;
    const attempt = () => small.run(asked).catch(() => undefined);
    let answer = await attempt();
    for (; answer === undefined && failures < 8; answer = await attempt()) failures += 1;
    await small.close();
    expect(failures).toBeGreaterThan(0);
    expect(answer).toEqual(planAndCheck(asked));
  });

  it('fails a job that cannot be planned, and takes the next', async () => {
    const broken = { ...job(2, []), limits: undefined as never };
    await expect(planner.run(broken)).rejects.toThrow('the planner failed');
    expect((await planner.run(job(2, []))).violations).toEqual([]);
  });
});

describe('what cannot wait', () => {
  it('is evacuations that are mandatory, with the hosts that take nothing in', () => {
    const closed = aFinding('quarantine', { host: 'h3' });
    expect(urgentPart(job(4, [HOT, DRAIN, closed]), 1)?.findings).toEqual([DRAIN, closed]);
  });

  it.each([
    ['nothing else is asked', job(4, [DRAIN]), 1],
    ['no host has to be emptied', job(4, [HOT]), 1],
    ['the fleet is small', job(4, [HOT, DRAIN]), 41],
  ])('is not told apart where %s', (_why, asked, least) => {
    expect(urgentPart(asked, least)).toBeUndefined();
  });
});
