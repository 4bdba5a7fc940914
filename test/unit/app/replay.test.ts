// Role: where two plans differ and what may be why; what is kept of decisions, and what not.
import { setImmediate } from 'node:timers/promises';
import { serialize } from 'node:v8';
import { zstdCompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { DecisionArchive } from '../../../src/app/decision-archive.ts';
import { packInputs, plannerBuild, unpackInputs } from '../../../src/app/plan-inputs.ts';
import { planAndCheck, type PlanJob } from '../../../src/app/plan-job.ts';
import { replay, whyNot } from '../../../src/app/replay.ts';
import { planId } from '../../../src/domain/ids.ts';
import { seededRng } from '../../../src/domain/rng.ts';
import { epochSeconds, ratio } from '../../../src/domain/units.ts';
import { type KeptInputs, LedgerError } from '../../../src/ports/ledger.ts';
import { aFinding, aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { aDecision } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';
import { aPlanJob } from '../../support/plan-job.ts';

const JOB = aPlanJob(3);
const { result } = planAndCheck(JOB);
const inputs = packInputs(JOB);

describe('a replay', () => {
  it('names each place that differs, with both values', () => {
    const [move] = result.plan.moves;
    const { notes: _none, ...report } = { ...result.report, added: [1] };
    const moves = [{ ...move, to: 'h9' }];
    const tampered = { plan: { ...result.plan, moves }, report } as unknown as typeof result;
    expect(replay(tampered, inputs)).toMatchObject({
      same: false,
      reasons: [],
      differences: [
        { path: 'plan.moves[0].to', recorded: 'h9', replayed: 'h2' },
        { path: 'report.added', recorded: [1], replayed: undefined },
        { path: 'report.notes', recorded: undefined, replayed: result.report.notes },
      ],
    });
  });

  it('uses the seed and the steps of the record, and tells another planner', () => {
    const stats = { ...result.report.stats, stepsGranted: 7 };
    const recorded = { ...result, report: { ...result.report, stats } };
    const madeBy = { version: '0.0.9', node: 'v1', code: 'abc' };
    const old = zstdCompressSync(serialize({ format: 1, madeBy, job: JOB }));
    const again = replay(recorded, old);
    expect(again.result.report.stats).toMatchObject({ seed: 3, stepsGranted: 7 });
    const now = plannerBuild();
    expect(again.reasons).toEqual([
      `version: 0.0.9 then, ${now.version} now`,
      `the planner's code: abc then, ${now.code} now`,
      `node: v1 then, ${now.node} now`,
    ]);
  });

  it('is the same where a second plan stood in for the first', () => {
    const rng = seededRng(1);
    const ids = Array.from({ length: 12 }, (_, i) => `h${10 + i}`);
    const hosts = ids.map((id) => aHost({ id, threads: 16, memoryGib: 64 }));
    const [own = '', ...others] = ids;
    const vms = others.flatMap((id, i) =>
      Array.from({ length: 10 }, (_, k) => {
        const cpuUsed = ((16 * (i < 4 ? 0.9 : 0.55)) / 10) * (0.6 + 0.8 * rng.next());
        const memoryGib = 1 + Math.floor(rng.next() * 5);
        return aVm({ id: `v${i}-${k}`, host: id, vcpus: 8, memoryGib, cpuUsed });
      }),
    );
    const ledger = aVm({ id: 'db', host: own, own: { roles: ['ledger'] } });
    const hot = others.slice(0, 4);
    const relief = hot.map((host) => aFinding('relieve', { host, relieveBelow: ratio(0.7) }));
    const job: PlanJob = {
      ...JOB,
      snapshot: aSnapshot({ hosts, vms: [ledger, ...vms] }),
      findings: [aFinding('evacuate', { host: own }), ...relief],
    };
    const made = planAndCheck(job).result;
    expect(made.report.notes.join()).toContain('moves that can wait are left for later');
    expect(replay(made, packInputs(job)).differences).toEqual([]);
  });

  it('does not guess at inputs in another format', () => {
    const later = { format: 3, what: 'else' };
    for (const packed of [serialize(later), zstdCompressSync(serialize(later))]) {
      expect(() => unpackInputs(packed)).toThrow('kept in format 3, and this Drover reads 1 and 2');
    }
  });

  it('says why there is none', () => {
    const decision = aDecision('p1', 100);
    const oldestInputsAt = epochSeconds(200);
    const nothing = { decision: undefined, inputs: undefined, oldestInputsAt: undefined };
    expect(whyNot(nothing)).toContain('no such decision');
    expect(whyNot({ ...nothing, decision, oldestInputsAt })).toContain('replay.keepFor');
    expect(whyNot({ ...nothing, decision })).toContain('was never kept');
    expect(whyNot({ decision, inputs, oldestInputsAt })).toBeUndefined();
  });
});

describe('the archive of decisions', () => {
  function anArchive(
    keepInputs: (kept: KeptInputs, bounds: unknown) => Promise<void>,
    settings = { keepForSeconds: 60, keepAtMostBytes: 1e6 },
    rest?: () => Promise<void>,
  ) {
    const events = recordingEvents();
    const planner = { pack: async () => inputs };
    const clock = manualClock(1000);
    const archive = new DecisionArchive({
      ledger: { keepInputs },
      planner,
      clock,
      events,
      rest,
      settings,
    });
    return { archive, events };
  }

  it('keeps them one after the other within its bounds, and few that wait', async () => {
    const kept: unknown[] = [];
    const { archive } = anArchive(
      async ({ plan, at }, bounds) => void kept.push([plan, at, bounds]),
    );
    for (let n = 1; n <= 6; n += 1) archive.keep(planId(`p${n}`), JOB);
    await archive.idle();
    const bounds = { since: 940, bytes: 1e6 };
    expect(kept).toEqual(['p1', 'p2', 'p3', 'p4'].map((plan) => [plan, 1000, bounds]));
    archive.keep(planId('p7'), JOB);
    await archive.idle();
    expect(kept).toHaveLength(5);
  });

  it('packs nothing before its rest is over', async () => {
    const kept: unknown[] = [];
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const { archive } = anArchive(
      async ({ plan }) => void kept.push(plan),
      undefined,
      () => over,
    );
    archive.keep(planId('p1'), JOB);
    await setImmediate();
    expect(kept).toEqual([]);
    end();
    await archive.idle();
    expect(kept).toEqual(['p1']);
  });

  it('tells what fails, but for a ledger that was closed, and goes on', async () => {
    const codes = ['full', 'closed'] as const;
    const { archive, events } = anArchive(({ plan }) => {
      return Promise.reject(new LedgerError(codes[plan === 'p1' ? 0 : 1], 'it cannot'));
    });
    archive.keep(planId('p1'), JOB);
    archive.keep(planId('p2'), JOB);
    await archive.idle();
    expect(events.of('failure')).toMatchObject([{ where: 'decision archive' }]);
  });

  it.each([
    ['for no time', { keepForSeconds: 0, keepAtMostBytes: 1 }],
    ['nothing of any size', { keepForSeconds: 1, keepAtMostBytes: 0 }],
  ])('packs nothing where it is to be kept %s', async (_what, settings) => {
    const { archive } = anArchive(
      () => Promise.reject(new Error('nothing was to be kept')),
      settings,
    );
    archive.keep(planId('p1'), JOB);
    await archive.idle();
  });
});
