// Role: a plan that a person hands in is carried out as it is, in mode approve without being asked
// again, beside the planner's own plans; and is refused where the fleet is not what it stood on.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ApplyView } from '../../../src/ports/api.ts';
import { applyBench, planOf } from '../../support/apply-bench.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
beforeEach(async () => {
  bench = await daemonOnVirtualTime('55-approve');
});
afterEach(() => bench.stop());

async function apply(plan: unknown): Promise<ApplyView> {
  const answer = await bench.daemon.api.apply(plan, 'anna');
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

async function refusal(plan: unknown): Promise<string> {
  const answer = await bench.daemon.api.apply(plan, 'anna');
  if (answer.ok) throw new Error('it was not refused');
  return `${answer.error.status} ${answer.error.code}: ${answer.error.detail}`;
}

async function viewOf(id: string): Promise<ApplyView> {
  const answer = await bench.daemon.api.applied(id);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

const states = ({ moves }: ApplyView) => moves.map(({ vm, state }) => `${vm} ${state}`);
const hostOf = (vm: string) => bench.daemon.api.vms().find(({ id }) => id === vm)?.host;

describe('a plan that is applied', () => {
  const wishes = [
    { vm: 'a1', from: 'h1', to: 'h3' },
    { vm: 'a2', from: 'h1', to: 'h3' },
    { vm: 'b', from: 'h2', to: 'h3', dependsOn: ['1'] },
  ];

  it('is carried out, each move after those that it depends on', async () => {
    const plan = planOf(...wishes);
    const { id, over } = await apply(plan);
    expect(over).toBe(false);
    await bench.pass(300);
    const end = await viewOf(id);
    expect(states(end)).toEqual(['a1 succeeded', 'a2 succeeded', 'b succeeded']);
    expect(end.over).toBe(true);
    expect(['a1', 'a2', 'a3', 'b'].map(hostOf)).toEqual(['h3', 'h3', 'h1', 'h3']);
    const moves = await bench.daemon.api.migrations(9);
    const opened = (vm: string) => moves.find(({ record }) => record.move.vm === vm)?.record;
    expect(opened('b')?.openedAt).toBeGreaterThanOrEqual(opened('a1')?.result?.at ?? Infinity);
    const history = await bench.daemon.api.history({ about: 'b', limit: 9 });
    expect(history.ok && history.value.at(-1)?.text).toBe(
      'b: its move from h2 to h3 was ordered by anna (apply)',
    );
    const again = await apply(plan);
    expect(again.moves.map(({ detail }) => detail)).toEqual(Array(3).fill('done before'));
    expect(again.over).toBe(true);
  });

  it('is refused where it is not clear what waits for what', async () => {
    const [a1, a2, b] = planOf(...wishes).moves;
    expect(await refusal({ moves: [a1, a2, { ...b, dependsOn: ['l'] }] })).toContain(
      'the move "3" waits for "l", which is not there',
    );
    expect(await refusal({ moves: [a1, a2, { ...b, id: '1' }] })).toContain(
      'two moves have the id "1"',
    );
  });

  it('is told of when it comes again, and lets no other come beside it', async () => {
    const plan = planOf(...wishes);
    const { id } = await apply(plan);
    await bench.pass(15);
    expect((await apply(plan)).id).toBe(id);
    expect(await refusal(planOf({ vm: 'a3', from: 'h1', to: 'h2' }))).toBe(
      `409 in-use: another plan is being applied (${id})`,
    );
  });

  it('waits while Drover is paused, and goes on afterwards', async () => {
    const { api } = bench.daemon;
    await api.setPaused(true, 'ben');
    const { id, moves } = await apply(planOf(...wishes));
    expect(moves[0]).toMatchObject({ state: 'waiting', detail: 'paused' });
    await bench.pass(300);
    expect(hostOf('a1')).toBe('h1');
    await api.setPaused(false, 'ben');
    await bench.pass(300);
    expect((await viewOf(id)).moves.every(({ state }) => state === 'succeeded')).toBe(true);
  });

  it('is given up where it cannot begin for as long as an approval holds', async () => {
    await bench.daemon.api.setPaused(true, 'ben');
    const { id } = await apply(planOf(...wishes));
    await bench.pass(31 * 60);
    const end = await viewOf(id);
    expect([end.over, ...states(end)]).toEqual([
      true,
      'a1 not-begun',
      'a2 not-begun',
      'b not-begun',
    ]);
    await bench.daemon.api.setPaused(false, 'ben');
    await bench.pass(120);
    expect(hostOf('a1')).toBe('h1');
  });

  it('does not begin what depends on a move that was cancelled', async () => {
    const { id } = await apply(planOf(...wishes));
    await bench.daemon.api.cancel({ name: 'a1', by: 'ben', withdraw: false });
    await bench.pass(300);
    const end = await viewOf(id);
    expect(states(end)).toEqual(['a1 cancelled', 'a2 succeeded', 'b skipped']);
    expect(end.over).toBe(true);
    expect(hostOf('b')).toBe('h2');
  });
});

describe('a plan is refused as a whole', () => {
  it.each([
    [{ vm: 'a3', from: 'h2', to: 'h3' }, 'a3 runs on h1, and the plan takes it from h2'],
    [{ vm: 'nobody', from: 'h1', to: 'h3' }, 'the VM nobody is not there'],
    [{ vm: 'a3', from: 'h1', to: 'h9' }, 'the host h9 is not there'],
  ])('where the fleet is another: %o', async (wish, why) => {
    const text = await refusal(planOf({ vm: 'a1', from: 'h1', to: 'h3' }, wish));
    expect(text).toContain('409 world-moved-on: nothing of the plan was begun');
    expect(text).toContain(why);
    await bench.pass(120);
    expect(hostOf('a1')).toBe('h1');
  });

  it('where a host is closed by now', async () => {
    const by = { kind: 'operator', name: 'ben' } as const;
    const order = { kind: 'maintenance', host: 'h3', reason: 'fans', by, dedupeKey: '' } as const;
    await bench.daemon.api.giveOrder({ ...order, deadlineSeconds: null });
    await bench.pass(60);
    expect(await refusal(planOf({ vm: 'a1', from: 'h1', to: 'h3' }))).toContain('host-state');
  });

  it('where a limit would be broken now', async () => {
    const wishes = ['a1', 'a2', 'a3', 'a4'].map((vm) => ({ vm, from: 'h1', to: 'h2' }));
    expect(await refusal(planOf(...wishes))).toContain('cpu (');
  });

  it('where it is none', async () => {
    expect(await refusal({ moves: [{ vm: 'a1' }] })).toContain(
      '400 not-a-plan: this is not a plan',
    );
    expect(await refusal(planOf({ vm: 'a\n1', from: 'h1', to: 'h2' }))).toContain('has a bad id');
  });
});

describe('in mode observe', () => {
  it('nothing is carried out, and that is said', async () => {
    const observing = await daemonOnVirtualTime('54-observe');
    const [vm] = observing.daemon.api.vms();
    const other = observing.daemon.api.hosts().find(({ id }) => id !== vm?.host);
    if (vm === undefined || other === undefined) throw new Error('the story has a fleet');
    const { id, host: from, criticality } = vm;
    const plan = planOf({ vm: id, from, to: other.id, criticality });
    const answer = await observing.daemon.api.apply(plan, 'anna');
    expect(answer).toMatchObject({
      value: {
        over: true,
        moves: [{ state: 'not-begun', detail: 'mode observe: nothing is carried out' }],
      },
    });
    await observing.pass(120);
    expect(observing.daemon.api.vms().toArray()[0]?.host).toBe(from);
    await observing.stop();
  });
});

describe('what is handed on with each tick', () => {
  const wishes = [
    { vm: 'a1', from: 'h1', to: 'h3' },
    { vm: 'a2', from: 'h1', to: 'h3' },
    { vm: 'b', from: 'h2', to: 'h3', dependsOn: ['1'] },
  ];

  it('is what was not begun and waits for nothing that runs or came to nothing', async () => {
    const sight = bench.daemon.state;
    if (sight === undefined) throw new Error('it has ticked');
    const on = applyBench();
    const { desk, handedOn } = on;
    const begun = await desk.apply(planOf(...wishes), 'anna', sight);
    on.became('a1', 'running');
    await desk.beat(sight);
    on.became('a1', 'failed');
    await desk.beat(sight);
    on.became('a2', 'succeeded');
    await desk.beat(sight);
    const vms = handedOn.map((moves) => moves.map(({ vm }) => vm));
    expect(vms).toEqual([['a1', 'a2', 'b'], ['a2'], ['a2'], []]);
    const end = begun.ok ? await desk.view(begun.value.id) : undefined;
    expect(end?.over).toBe(true);
    expect(end?.moves.map(({ state }) => state)).toEqual(['failed', 'succeeded', 'not-begun']);
  });
});
