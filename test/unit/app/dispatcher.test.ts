// Role: the dispatcher between gate and executor: approvals of plans that are not the newest any
// more, what a rejected plan stops, and what is written down.
import { describe, expect, it, vi } from 'vitest';

import { approvalView } from '../../../src/app/approval-text.ts';
import { Dispatcher, type ApproveAnswer, type DispatchInput } from '../../../src/app/dispatcher.ts';
import { APPROVAL_SECONDS, askedMove } from '../../../src/domain/approval.ts';
import { type HostId, hostId, moveId, planId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { PolicySet } from '../../../src/domain/policy.ts';
import { TIERS, type Tier } from '../../../src/domain/finding.ts';
import { makeBench, move, planOf, type Bench } from '../../support/execution-bench.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { aPolicy, someLimits } from '../../support/fleet.ts';
import { aDecision } from '../../support/ledger-records.ts';

const { report } = aDecision('any', 0).result;

function asking(
  limits: Parameters<typeof someLimits>[0] = {},
  approve: readonly Tier[] = TIERS,
): PolicySet {
  return aPolicy({
    mode: { default: 'approve', clusters: {}, approve },
    limits: someLimits(limits),
  });
}

interface Desk {
  readonly bench: Bench;
  readonly dispatcher: Dispatcher;
  /** Asked at another controller, which holds none of the hosts and has planned nothing. */
  readonly approveElsewhere: (plan: string) => Promise<ApproveAnswer>;
  /** What a tick does with a new plan; the verdicts. */
  readonly tick: (plan: string, moves: readonly Move[]) => Promise<readonly string[]>;
  /** What the beat of the apply desk does with a plan that a person has handed in. */
  readonly handIn: (plan: string, moves: readonly Move[]) => Promise<readonly string[]>;
  readonly approve: (plan: string) => Promise<ApproveAnswer>;
}

async function makeDesk(
  hosts: readonly string[],
  policies: PolicySet,
  options: Parameters<typeof makeBench>[1] & { readonly elsewhere?: readonly string[] } = {},
): Promise<Desk> {
  const { elsewhere = [] } = options;
  const bench = await makeBench(hosts, options);
  bench.policies = policies;
  const { ledger, clock, events } = bench;
  const source = {
    get policies() {
      return bench.policies;
    },
  };
  const executor = bench.executor();
  const archive = { keep: () => undefined };
  const parts = { ledger, executor, policies: source, archive, clock, events };
  const isElsewhere = (host: HostId): boolean => elsewhere.includes(host);
  const dispatcher = new Dispatcher({ ...parts, isElsewhere });
  const inputOf = (id: string, moves: readonly Move[]): DispatchInput => {
    const snapshot = { ...bench.world, takenAt: clock.now() };
    const plan = { ...planOf(moves, id), snapshotAt: clock.now() };
    return { snapshot, findings: [], orders: [], result: { plan, report } };
  };
  return {
    bench,
    dispatcher,
    tick: async (id, moves) => {
      return (await dispatcher.dispatch(inputOf(id, moves))).map(({ verdict }) => verdict);
    },
    handIn: async (id, moves) => {
      const terms = { approvals: [], record: async () => undefined, isWanted: () => true };
      return (await dispatcher.carryOut(inputOf(id, moves), terms)).map(({ verdict }) => verdict);
    },
    approve: (plan) => dispatcher.approve(planId(plan), 'ben'),
    approveElsewhere: (plan) => {
      const other = new Dispatcher({ ...parts, isElsewhere: () => true });
      return other.approve(planId(plan), 'ada');
    },
  };
}

/** How many moves are in each of the lists of the answer. */
function counts(answer: ApproveAnswer): readonly number[] | string {
  if (answer.kind !== 'approved') return answer.kind;
  const { run, held, before, gone } = answer;
  return [run.length, held.length, before.length, gone.length];
}

/** The same move in a later plan. */
function again(one: Move, id: string, other: Partial<Move> = {}): Move {
  return { ...one, id: moveId(id), ...other };
}

describe('an approval', () => {
  const [m1, m2, m3] = [move('1', 'h1', 'h2'), move('2', 'h1', 'h2'), move('3', 'h1', 'h3')];

  it('of an older plan runs what the newest one still wants, and widens nothing', async () => {
    const { bench, tick, approve } = await makeDesk(['h1', 'h1', 'h1'], asking());
    await tick('p1', [m1, m2, m3]);
    await tick('p2', [again(m1, 'n1'), again(m2, 'n2', { to: hostId('h4') })]);
    expect(counts(await approve('p1'))).toEqual([1, 0, 0, 2]);
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['n1']);
    expect(counts(await approve('p1'))).toEqual([0, 0, 1, 2]);
    expect(await tick('p3', [again(m2, 'o2', { to: hostId('h4') })])).toEqual(['needs-approval']);
    expect(counts(await approve('p9'))).toBe('unknown');
  });

  it('holds for the plans that follow, until it has expired', async () => {
    const { bench, tick, approve } = await makeDesk(['h1', 'h1'], asking());
    await tick('p1', [m1, m2]);
    await bench.ledger.setPaused(true, 'ada', bench.clock.now());
    expect(counts(await approve('p1'))).toEqual([0, 2, 0, 0]);
    await bench.clock.pass(APPROVAL_SECONDS - 1);
    await bench.ledger.setPaused(false, 'ada', bench.clock.now());
    expect(await tick('p2', [again(m1, 'n1')])).toEqual(['execute']);
    await bench.clock.pass(1);
    expect(await tick('p3', [again(m2, 'o2')])).toEqual(['needs-approval']);
    expect(counts(await approve('p1'))).toBe('unknown');
  });

  it('is used up by the move that runs, whatever comes of it', async () => {
    const { bench, tick, approve } = await makeDesk(['h1'], asking(), { breaks: true });
    await tick('p1', [m1]);
    await approve('p1');
    await bench.clock.pass(300);
    expect((await bench.ledger.move(m1.id))?.result?.outcome).toBe('failed');
    expect(await tick('p2', [again(m1, 'n1')])).toEqual(['needs-approval']);
  });

  it('while Drover is paused is kept, and asks nobody again', async () => {
    const { bench, tick, approve } = await makeDesk(['h1'], asking());
    await tick('p1', [m1]);
    await bench.ledger.setPaused(true, 'ada', bench.clock.now());
    expect(counts(await approve('p1'))).toEqual([0, 1, 0, 0]);
    expect(await tick('p2', [again(m1, 'n1')])).toEqual(['refused']);
    expect(bench.hypervisor.started).toEqual([]);
    await bench.ledger.setPaused(false, 'ada', bench.clock.now());
    expect(await tick('p3', [again(m1, 'o1')])).toEqual(['execute']);
  });

  it('counts what the plan itself has begun only once against the budgets', async () => {
    const policies = asking({ budgets: { movesPerHour: 2, movesPerVmPerDay: 1 } }, ['optional']);
    const { bench, tick, approve } = await makeDesk(['h1', 'h1'], policies);
    const first = move('1', 'h1', 'h2', { tier: 'corrective' });
    const second = move('2', 'h1', 'h3', { dependsOn: [first.id] });
    expect(await tick('p1', [first, second])).toEqual(['execute', 'needs-approval']);
    await bench.clock.pass(60);
    expect(counts(await approve('p1'))).toEqual([1, 0, 0, 0]);
    await bench.clock.pass(60);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
    expect(bench.events.of('failure')).toEqual([]);
  });

  it('and a tick at the same moment wait for each other', async () => {
    const { bench, tick, approve } = await makeDesk(['h1', 'h1'], asking());
    await tick('p1', [m1, m2]);
    const [, answer] = await Promise.all([tick('p2', [again(m1, 'n1')]), approve('p1')]);
    expect(answer).toMatchObject({ newest: { plan: 'p2' } });
    expect(counts(answer)).toEqual([1, 0, 0, 1]);
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['n1']);
  });

  it('of what was cancelled since says that it is held back, and begins nothing', async () => {
    const desk = await makeDesk(['h1'], asking());
    const moves = [move('1', 'h1', 'h2')];
    await desk.tick('p1', moves);
    for (const one of moves) await desk.bench.executor().cancelUnasked(planId('p1'), one, 'anna');
    const answer = await desk.approve('p1');
    expect(answer).toMatchObject({ kind: 'approved', run: [], held: [{ move: { vm: 'v1' } }] });
    await desk.bench.clock.pass(60);
    expect(desk.bench.hypervisor.started).toEqual([]);
  });

  it('is in the history with the name of who gave it', async () => {
    const { bench, tick, approve } = await makeDesk(['h1'], asking());
    await tick('p1', [m1]);
    await approve('p1');
    const lines = await bench.ledger.history({ host: hostId('h1'), limit: 9 });
    expect(lines.map(({ text }) => text)).toEqual([
      'v1: its move from h1 to h2 was approved by ben: h1 is overloaded',
    ]);
  });

  it('may be given at a controller that holds nothing of it: the holder takes it up', async () => {
    const { bench, tick, approveElsewhere } = await makeDesk(['h1', 'h1'], asking());
    expect(await tick('p1', [m1, m2])).toEqual(['needs-approval', 'needs-approval']);
    expect(await approveElsewhere('p9')).toEqual({ kind: 'unknown' });
    const answer = await approveElsewhere('p1');
    expect(answer).toMatchObject({ run: [], gone: [], elsewhere: [{ vm: 'v1' }, { vm: 'v2' }] });
    if (answer.kind !== 'approved') throw new Error('not approved');
    expect(approvalView(answer)).toMatchObject({ moves: 0, elsewhere: 2 });
    expect(approvalView(answer).text).toContain('approved: 2 moves for the controller that holds');
    await approveElsewhere('p1');
    expect(bench.hypervisor.started).toEqual([]);
    expect(await tick('p2', [again(m1, 'n1'), again(m2, 'n2')])).toEqual(['execute', 'execute']);
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['n1', 'n2']);
    const lines = await bench.ledger.history({ host: hostId('h1'), limit: 9 });
    const told = lines.filter(({ text }) => text.includes('approved by ada'));
    expect(told).toHaveLength(2);
  });

  it('reaches at once what this controller holds, and the rest where it is held', async () => {
    const options = { elsewhere: ['h3'] };
    const { bench, tick, approve } = await makeDesk(['h1', 'h3'], asking(), options);
    const other = move('2', 'h3', 'h4');
    await tick('p1', [m1, other]);
    expect(counts(await approve('p1'))).toEqual([1, 0, 0, 0]);
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect((await bench.ledger.approvals()).map(({ move: { vm } }) => vm)).toContain('v2');
  });

  it('leaves alone what the same plan has ended long ago', async () => {
    const policies = asking(
      { concurrency: { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 } },
      ['optional'],
    );
    const { bench, tick, approve } = await makeDesk(['h1', 'h1', 'h1'], policies, { seconds: 100 });
    const others = [m1, m2].map((one) => again(one, one.id, { tier: 'mandatory' }));
    await tick('p1', [...others, m3]);
    await bench.clock.pass(180);
    // The next tick has looked at the fleet, and is still planning.
    bench.world = { ...bench.world, takenAt: bench.clock.now() };
    await bench.clock.pass(60);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
    expect(counts(await approve('p1'))).toEqual([1, 0, 0, 0]);
    await bench.clock.pass(200);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2', 'm3']);
    expect(bench.events.of('failure')).toEqual([]);
  });

  it('leaves alone what the same plan has skipped', async () => {
    const { bench, tick, approve } = await makeDesk(['h1', 'h1', 'h1'], asking({}, ['optional']), {
      breaks: true,
    });
    const first = move('1', 'h1', 'h2', { tier: 'mandatory' });
    const second = move('2', 'h1', 'h2', { tier: 'mandatory', dependsOn: [first.id] });
    await tick('p1', [first, second, m3]);
    await bench.clock.pass(60);
    expect((await bench.ledger.move(second.id))?.result?.outcome).toBe('skipped');
    expect(counts(await approve('p1'))).toEqual([1, 0, 0, 0]);
    await bench.clock.pass(60);
    expect(bench.events.of('failure')).toEqual([]);
  });
});

describe('a rejected plan', () => {
  it('leaves nothing to approve, and stops what waits; what runs goes on', async () => {
    const limits = { concurrency: { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 } };
    const { bench, dispatcher, tick, approve } = await makeDesk(['h1', 'h1', 'h1'], asking(limits));
    const moves = [move('1', 'h1', 'h2'), move('2', 'h1', 'h3'), move('3', 'h1', 'h4')];
    await tick('p1', moves);
    expect(counts(await approve('p1'))).toEqual([3, 0, 0, 0]);
    await bench.clock.pass(5);
    await dispatcher.reject();
    expect(counts(await approve('p1'))).toBe('no-plan');
    await bench.clock.pass(300);
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('succeeded');
    // The next good plan carries on, without asking again.
    const left = moves.slice(1).map((one) => again(one, `n${one.id}`));
    expect(await tick('p2', left)).toEqual(['execute', 'execute']);
  });
});

describe('the decisions on record', () => {
  it('are told again when the verdicts change, and only then', async () => {
    const { bench, tick } = await makeDesk(['h1'], asking());
    const one = move('1', 'h1', 'h2');
    await tick('p1', [one]);
    await tick('p2', [again(one, 'n1')]);
    expect(await bench.ledger.decisions(9)).toHaveLength(1);
    await bench.clock.pass(60);
    await bench.ledger.setPaused(true, 'ada', bench.clock.now());
    await tick('p3', [again(one, 'o1')]);
    await tick('p4', [again(one, 'q1')]);
    const gates = (await bench.ledger.decisions(9)).map(({ gate }) => gate[0]?.verdict);
    expect(gates).toEqual(['refused', 'needs-approval']);
  });

  it('are told at the next tick where they could not be written down', async () => {
    const { bench, tick } = await makeDesk(['h1'], asking());
    const lost = new LedgerError('unreachable', 'the network');
    vi.spyOn(bench.ledger, 'recordDecision').mockRejectedValueOnce(lost);
    await expect(tick('p1', [move('1', 'h1', 'h2')])).rejects.toThrow(lost);
    await tick('p2', [move('1', 'h1', 'h2')]);
    await tick('p3', [move('1', 'h1', 'h2')]);
    expect((await bench.ledger.decisions(9)).map(({ plan }) => plan)).toEqual(['p2']);
  });
});

describe('a plan that a person has handed in', () => {
  async function handIn(isWanted: () => boolean) {
    const { bench, dispatcher, tick } = await makeDesk(['h1'], asking());
    const one = move('1', 'h1', 'h2');
    const term = { at: bench.clock.now(), expiresAt: epochSeconds(bench.clock.now() + 60) };
    const startedBefore: (readonly string[])[] = [];
    const terms = {
      approvals: [{ ...term, move: askedMove(one), by: 'ada' }],
      record: async () => {
        await bench.clock.pass(30);
        startedBefore.push([...bench.hypervisor.started]);
      },
      isWanted,
    };
    const snapshot = { ...bench.world, takenAt: bench.clock.now() };
    const plan = { ...planOf([one], 'a1'), snapshotAt: bench.clock.now() };
    const input = { snapshot, findings: [], orders: [], result: { plan, report } };
    const verdicts = await dispatcher.carryOut(input, terms);
    const planners = await tick('p1', [again(one, 'n1')]);
    await bench.clock.pass(60);
    const { started } = bench.hypervisor;
    return { verdicts: verdicts.map(({ verdict }) => verdict), planners, started, startedBefore };
  }

  it('is approved by that, for itself alone, and begins when it is on record', async () => {
    const { planners, startedBefore, ...rest } = await handIn(() => true);
    expect(rest).toEqual({ verdicts: ['execute'], started: ['m1'] });
    expect([planners, startedBefore]).toEqual([['needs-approval'], [[]]]);
  });

  it('does not begin where it is taken back before that', async () => {
    expect(await handIn(() => false)).toMatchObject({ verdicts: ['execute'], started: [] });
  });
});

describe('budgets', () => {
  /** One move at a time: what is granted waits. */
  function twoAnHour(values: object = {}): PolicySet {
    const concurrency = { total: 1, perHostIn: 9, perHostOut: 9, perLink: 9 };
    const budgets = { movesPerHour: 2, movesPerVmPerDay: 9, ...values };
    return aPolicy({ limits: someLimits({ concurrency, budgets }) });
  }
  const toHost = (to: string, ids: readonly string[]): readonly Move[] =>
    ids.map((id) => move(id, 'h1', to, { tier: 'optional' }));

  it.each([
    ['of all', {}, ['refused', 'refused']],
    // Of the first the snapshot does not know: that is asked again before the start.
    ['of a host', { movesPerHour: 9, movesPerHostPerHour: 2 }, ['execute', 'refused']],
  ])('%s hold for the planner’s plan and a person’s together', async (_name, values, verdicts) => {
    const desk = await makeDesk(['h1', 'h1', 'h1', 'h1'], twoAnHour(values));
    const { bench } = desk;
    expect(await desk.handIn('a1', toHost('h2', ['1', '2']))).toEqual(['execute', 'execute']);
    expect(await desk.tick('p1', toHost('h3', ['3', '4']))).toEqual(verdicts);
    for (let round = 0; round < 12; round += 1) await bench.clock.pass(10);
    expect(bench.hypervisor.started).toHaveLength(2);
  });

  it('are not kept from a person by what the planner wants anew and cannot begin', async () => {
    const concurrency = { total: 9, perHostIn: 1, perHostOut: 9, perLink: 9 };
    const budgets = { movesPerHour: 3, movesPerVmPerDay: 9 };
    const policies = aPolicy({ limits: someLimits({ concurrency, budgets }) });
    const desk = await makeDesk(['h1', 'h1', 'h1', 'h1'], policies, { seconds: Infinity });
    const { bench, handIn, tick } = desk;
    expect(await tick('p0', toHost('h2', ['1']))).toEqual(['execute']);
    await bench.clock.pass(5);
    const wanted = (plan: string) =>
      toHost('h2', ['2', '3']).map((one) => again(one, `${one.id}-${plan}`));
    expect(await tick('p1', wanted('p1'))).toEqual(['execute', 'execute']);
    await bench.clock.pass(5);
    expect(await handIn('apply-1', toHost('h3', ['4']))).toEqual(['execute']);
    await bench.clock.pass(5);
    expect(await tick('p2', wanted('p2'))).toEqual(['execute', 'refused']);
    expect(bench.hypervisor.started).toEqual(['m1', 'm4']);
  });

  it('are not spent by what a plan has asked for itself, nor by what is mandatory', async () => {
    // The mandatory one counts when it has begun, as ever.
    const desk = await makeDesk(['h1', 'h1', 'h1', 'h1'], twoAnHour({ movesPerHour: 3 }));
    const { bench } = desk;
    const urgent = [move('1', 'h1', 'h2', { tier: 'mandatory' })];
    expect(await desk.handIn('a1', urgent)).toEqual(['execute']);
    const [first, second] = [toHost('h3', ['2', '3']), toHost('h3', ['2', '3'])];
    expect(await desk.tick('p1', first)).toEqual(['execute', 'execute']);
    expect(await desk.tick('p2', second)).toEqual(['execute', 'execute']);
    for (let round = 0; round < 12; round += 1) await bench.clock.pass(10);
    expect(bench.hypervisor.started).toContain('m1');
  });
});
