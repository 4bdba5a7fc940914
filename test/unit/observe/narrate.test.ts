import { beforeEach, describe, expect, it } from 'vitest';

import type { EventMap } from '../../../src/domain/events.ts';
import type { HostState } from '../../../src/domain/host.ts';
import { hostId, orderId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { GateVerdict } from '../../../src/domain/journal.ts';
import type { Move, Unresolved } from '../../../src/domain/plan.ts';
import { TEST_NOW, aFinding, aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { type NarratorOptions, narrate } from '../../../src/observe/narrate.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type MoveOptions, aMove, aStageOf } from '../../support/plans.ts';
import { aProgress, aResult, aSourceStatus, planned } from '../../support/sample-events.ts';
import { TinyTerminal } from '../../support/tiny-terminal.ts';

const HOT = aFinding('relieve', {
  host: 'h1',
  text: 'host h1: cpu p95 91 % > 85 % for 5 min',
  trigger: { kind: 'rule', policy: 'default', rule: 'cpu-high' },
});

let bus: EventBus;
let clock: ManualClock;
let failures: EventMap['failure'][];

beforeEach(() => {
  bus = new EventBus();
  clock = manualClock(TEST_NOW);
  failures = [];
  bus.on('failure', (event) => failures.push(event));
});

function listen(options: Partial<NarratorOptions> = {}) {
  let text = '';
  const write = (more: string) => (text += more);
  const narrator = narrate(bus, { write, isTty: false, colour: false, clock, ...options });
  /** What was written since the last time, without the line of the day. */
  const said = (): string[] => {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('——'));
    text = '';
    return lines;
  };
  return { narrator, said, raw: () => text };
}

function relieving(options: MoveOptions): Move {
  return aMove({
    reason: { finding: HOT.id, text: HOT.text, evidence: [], terms: {} },
    ...options,
  });
}

function someMoves(count: number): Move[] {
  return Array.from({ length: count }, (_, index) =>
    relieving({ id: `m${index}`, vm: `v${index}`, to: index % 2 === 0 ? 'h2' : 'h3' }),
  );
}

function begin(move: Move): void {
  bus.emit('move-stage', aStageOf(move));
}

function progress(move: Move, done: number): void {
  bus.emit('move-progress', { move, vmName: move.vm, progress: aProgress(done) });
}

function end(move: Move, ...result: Parameters<typeof aResult>): void {
  bus.emit('move-ended', { move, vmName: move.vm, result: aResult(...result) });
}

function noRoomFor(vm: string): Unresolved {
  return {
    subject: { kind: 'vm', vm: vmId(vm) },
    finding: undefined,
    code: 'memory',
    detail: 'needs 8.0 GiB, 3.1 GiB free',
    pairs: [],
  };
}

describe('the narrator', () => {
  it('tells a relief from its finding to its summary', async () => {
    const { narrator, said } = listen();
    const [move, other] = someMoves(2);
    if (move === undefined || other === undefined) throw new Error('two moves');
    bus.emit('started', { version: '0.1.0', mode: 'automatic' });
    const busy = aHost({ id: 'h1', cpuUsed: 15 });
    bus.emit('snapshot', {
      snapshot: aSnapshot({ hosts: [busy, aHost({ id: 'h2' })], vms: [aVm()] }),
      seconds: seconds(0),
    });
    bus.emit('finding-opened', HOT);
    bus.emit('planned', planned([move, other], { unresolved: [noRoomFor('v9')] }));
    begin(move);
    await clock.pass(10);
    progress(move, 0.6);
    await clock.pass(10);
    end(move, 'succeeded');
    end(other, 'failed', { detail: 'the target does not answer' });
    bus.emit('finding-cleared', HOT);
    expect([...said(), ...narrator.summary().split('\n')]).toMatchInlineSnapshot(`
      [
        "08:00:00  drover 0.1.0 is up, mode automatic",
        "08:00:00  watching 2 hosts with 1 VM",
        "08:00:00  overloaded          host h1: cpu p95 91 % > 85 % for 5 min  (rule cpu-high)",
        "08:00:00  plan: 2 moves (2 optional), 1.9 GiB in about 30 s",
        "          because host h1: cpu p95 91 % > 85 % for 5 min",
        "            v0  h1 → h2  pre-copy  standard  954 MiB  about 30 s, downtime 100 ms",
        "            v1  h1 → h3  pre-copy  standard  954 MiB  about 30 s, downtime 100 ms",
        "          not possible: v9: memory (needs 8.0 GiB, 3.1 GiB free)",
        "08:00:00  v0  h1 → h2  pre-copy begins",
        "08:00:10  v0   60 %  954 MiB/s  1.5 GiB left  5.0 s",
        "08:00:20  ✓ moved   v0  h1 → h2  in 20 s, downtime 50 ms, 3.7 GiB",
        "08:00:20  ✗ failed  v1  h1 → h3  the target does not answer",
        "Summary of 20 s",
        "  moves          1 succeeded, 1 failed; 3.7 GiB moved",
        "                 standard: 1 succeeded, 1 failed",
        "  downtime       mean 50 ms, worst 50 ms (v0)",
        "  busiest host   94 % CPU at the start, 94 % now",
        "  findings       1 opened, 1 cleared, 0 open",
        "  not possible   v9: memory (needs 8.0 GiB, 3.1 GiB free)",
        "",
      ]
    `);
    expect(failures).toEqual([]);
  });

  it('tells a plan that stays the same once, and of a grown one what is new', () => {
    const { said } = listen();
    const moves = someMoves(3);
    bus.emit('planned', planned(moves.slice(0, 2), { unresolved: [noRoomFor('v9')] }, 'p1'));
    said();
    bus.emit('planned', planned(moves.slice(0, 2), { unresolved: [noRoomFor('v9')] }, 'p2'));
    expect(said()).toEqual([]);
    bus.emit('planned', planned(moves, { unresolved: [noRoomFor('v9')] }, 'p3'));
    const text = said().join('\n');
    expect(text).toContain('plan: 1 move (1 optional)');
    expect(text).toContain('beside 2 moves of before');
    expect([text.includes('v1'), text.includes('v2'), text.includes('v9')]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('tells a move again that has failed and is planned anew', () => {
    const { said } = listen();
    const moves = someMoves(1);
    bus.emit('planned', planned(moves));
    for (const move of moves) end(move, 'failed');
    said();
    bus.emit('planned', planned(moves));
    expect(said()[0]).toContain('plan: 1 move');
  });

  it('tells what opens and what is solved apart, each together', () => {
    const { said } = listen();
    const findings = ['h1', 'h2'].map((host) => aFinding('relieve', { host }));
    for (const finding of findings) bus.emit('finding-opened', finding);
    for (const finding of findings) bus.emit('finding-cleared', finding);
    bus.emit('stopping', { reason: 'test' });
    expect(said().map((line) => line.slice(10))).toEqual([
      'overloaded          relieve h1  (rule relieve)',
      'overloaded          relieve h2  (rule relieve)',
      'solved  relieve h1, relieve h2',
      'stopping: test',
    ]);
  });

  it('does not tell a move again that only gets another target', () => {
    const { said } = listen();
    const [move] = someMoves(1);
    if (move === undefined) throw new Error('a move');
    bus.emit('planned', planned([move]));
    said();
    bus.emit('planned', planned([{ ...move, to: hostId('h9') }]));
    expect(said()).toEqual([]);
  });

  it('tells notes once, whatever figures stand in them', () => {
    const { said } = listen();
    for (const load of ['71', '72.5'])
      bus.emit('planned', planned([], { notes: [`nothing to do: no host above ${load} % CPU`] }));
    expect(said()).toHaveLength(1);
  });

  it('stays readable when hundreds of VMs have to go', () => {
    const { said } = listen();
    const moves = someMoves(200);
    for (let i = 0; i < 50; i++)
      bus.emit('finding-opened', aFinding('level', { id: `f${i}`, host: `h${i}` }));
    bus.emit('finding-opened', aFinding('evacuate', { host: 'h1' }));
    bus.emit('planned', planned(moves));
    for (const move of moves.slice(0, 8)) {
      begin(move);
      progress(move, 0.3);
    }
    for (const move of moves) end(move, 'skipped', { detail: 'paused' });
    bus.emit('stopping', { reason: 'test' });
    const lines = said();
    expect(lines.length).toBeLessThan(25);
    // The mandatory one first, although it came last.
    expect(lines[0]).toContain('evacuate h1');
    expect(lines).toContainEqual(expect.stringContaining('and 43 more findings'));
    expect(lines).toContainEqual(expect.stringContaining('h1 → h2 ×100, h3 ×100: 200 standard'));
    expect(lines).toContainEqual(expect.stringContaining('200 moves skipped: paused (v0, v1'));
  });

  it('tells progress at the quarters, and not more often than one can read', async () => {
    const { said } = listen();
    const [move] = someMoves(1);
    if (move === undefined) throw new Error('a move');
    begin(move);
    said();
    for (let done = 0; done <= 1; done += 0.01) {
      progress(move, done);
      await clock.pass(1);
    }
    expect(said().map((line) => /\d+ %/u.exec(line)?.[0])).toEqual(['25 %', '50 %', '75 %']);
    const [, quick] = someMoves(2);
    if (quick === undefined) throw new Error('another');
    begin(quick);
    said();
    for (const done of [0.3, 0.6, 0.9]) progress(quick, done);
    expect(said()).toEqual([]);
    end(quick, 'succeeded');
    said();
    // A guest that dirties its memory faster than it is copied goes back.
    for (const done of [0.3, 0.8, 0.2, 0.9]) {
      await clock.pass(10);
      progress(move, done);
    }
    expect(said()).toEqual([]);
  });

  it('tells of many moves under way in one line now and then', async () => {
    const { said } = listen();
    const moves = someMoves(8);
    for (const move of moves) begin(move);
    said();
    for (let step = 1; step <= 6; step++) {
      await clock.pass(10);
      for (const move of moves) progress(move, step / 10);
    }
    expect(said()).toEqual([
      expect.stringContaining('8 moves under way'),
      expect.stringContaining('v7 50 %'),
    ]);
  });

  it('says what the gate holds back once, and not that a VM on its way cannot start', () => {
    const { said } = listen();
    const moves = someMoves(3);
    const verdicts = moves.map((move, index): GateVerdict => {
      const code = index === 2 ? 'in-flight' : 'cool-down';
      const refusals = [{ code, vm: move.vm, host: move.to, detail: '' }] as const;
      return { move: move.id, verdict: 'refused', mode: 'automatic', refusals };
    });
    bus.emit('planned', planned(moves));
    said();
    for (let tick = 0; tick < 2; tick++) bus.emit('gated', { plan: planId('p1'), verdicts });
    expect(said()).toEqual([
      expect.stringContaining('2 moves held back (the VM was moved too recently): v0, v1'),
    ]);
  });

  it.each([
    ['would-execute', 'observe', '1 move not carried out (mode observe): v0'],
    ['needs-approval', 'approve', '1 move waiting for an approval: v0'],
  ] as const)('says what became of a move that %s', (verdict, mode, text) => {
    const { said } = listen();
    const moves = someMoves(1);
    bus.emit('planned', planned(moves));
    said();
    const verdicts = moves.map(({ id }) => ({ move: id, verdict, mode, refusals: [] }));
    bus.emit('gated', { plan: planId('p1'), verdicts });
    expect(said()).toEqual([expect.stringContaining(text)]);
  });

  it('tells orders, host states, pauses, sources, policies and errors', () => {
    const { said } = listen();
    const order = {
      id: orderId('o1'),
      kind: 'maintenance',
      host: hostId('h1'),
      by: { kind: 'operator', name: 'olga' },
      reason: 'new DIMMs',
      createdAt: TEST_NOW,
      deadline: undefined,
      state: 'open',
      dedupeKey: '',
      home: [],
    } as const;
    const states: [HostState, HostState] = ['healthy', 'draining'];
    for (const what of ['given', 'repeated'] as const) bus.emit('order', { order, what });
    bus.emit('host-state', { host: order.host, from: states[0], to: states[1], reason: 'order' });
    bus.emit('paused', { paused: true, by: 'olga' });
    bus.emit('source', aSourceStatus('down', 'connection refused'));
    bus.emit('policies', { revision: 'a'.repeat(64), files: ['a.yaml'] });
    bus.emit('policies-refused', { errors: ['a.yaml:7:3 unknown key'] });
    bus.emit('plan-rejected', { plan: planId('p1'), violations: [] });
    for (let tick = 0; tick < 3; tick++) {
      bus.emit('failure', { where: 'tick', error: new Error(`after ${tick} s`) });
      bus.emit('warning', { key: 'k', text: `odd since ${tick} min` });
      const counts = { stale: tick };
      bus.emit('samples-rejected', { source: sourceId('lab'), counts, example: 'h1 cpu.used' });
    }
    expect(said().map((line) => line.slice(10))).toEqual([
      'order: maintenance h1, by operator olga: new DIMMs',
      'h1  healthy → draining  order',
      'PAUSED by olga',
      'source lab is down: connection refused',
      'policies aaaaaaaaaaaa in force: 1 file',
      'policy edit refused, the policies before it stay in force',
      'a.yaml:7:3 unknown key',
      'the checker refused the plan: 0 faults',
      'error in tick: after 0 s',
      'warning: odd since 0 min',
      'lab sends samples that are not used (stale): h1 cpu.used',
    ]);
  });

  it('lets no name from outside move the cursor or forge a line', () => {
    const { narrator, raw } = listen();
    const evil = '\u001b[2J\nforged\u009b1A';
    const move = relieving({ reason: { ...aMove().reason, text: evil } });
    const host = aHost({ id: 'h1', name: evil });
    bus.emit('snapshot', { snapshot: aSnapshot({ hosts: [host] }), seconds: seconds(0) });
    bus.emit('finding-opened', aFinding('evacuate', { host: 'h1', text: evil }));
    bus.emit('planned', { ...planned([move]), vmNames: { [move.vm]: evil } });
    bus.emit('move-ended', { move, vmName: evil, result: aResult('failed', { detail: evil }) });
    bus.emit('warning', { key: evil, text: evil });
    bus.emit('failure', { where: evil, error: new Error(evil) });
    bus.emit('source', aSourceStatus('down', evil));
    const text = raw() + narrator.summary();
    // oxlint-disable-next-line no-control-regex
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/u);
    expect(text).not.toMatch(/^forged/mu);
  });

  it('is silent once closed, and still sums up', () => {
    const { narrator, said } = listen();
    const { close, summary } = narrator;
    bus.emit('finding-opened', HOT);
    close();
    expect(said()).toHaveLength(1);
    bus.emit('paused', { paused: true, by: 'olga' });
    expect(said()).toEqual([]);
    expect(summary()).toContain('1 opened, 0 cleared, 1 open');
  });
});

describe('the narrator on a terminal', () => {
  it('draws moves in place and leaves lasting lines only', async () => {
    const terminal = new TinyTerminal(80);
    const write = (text: string) => terminal.write(text);
    const { narrator } = listen({ write, isTty: true });
    const moves = someMoves(11);
    for (const move of moves) begin(move);
    expect(terminal.rows).toHaveLength(9);
    expect(terminal.rows.at(-1)).toBe('  and 3 more');
    await clock.pass(1);
    for (const move of moves) progress(move, 0.5);
    expect(terminal.rows[0]).toMatch(/v0 {2}h1 → h2 +█{10}░{10} +50 %/u);
    for (const move of moves.slice(1)) end(move, 'succeeded');
    expect(terminal.rows.at(-1)).toContain('50 %');
    narrator.say('a word from outside');
    expect(terminal.rows.at(-2)).toMatch(/a word from outside$/u);
    expect(terminal.rows.at(-1)).toContain('50 %');
    narrator.summary();
    expect(terminal.rows.filter((row) => row.includes('✓ moved'))).toHaveLength(10);
    expect(terminal.rows.at(-1)).toContain('a word from outside');
  });

  it('redraws at the pace of who watches', async () => {
    let drawings = 0;
    let watched = 0;
    listen({ write: () => (drawings += 1), isTty: true, watched: () => watched });
    const [move] = someMoves(1);
    if (move === undefined) throw new Error('a move');
    begin(move);
    drawings = 0;
    for (let i = 0; i < 100; i++) {
      await clock.pass(60);
      watched += 0.01;
      progress(move, i / 100);
    }
    expect(drawings).toBeGreaterThan(8);
    expect(drawings).toBeLessThan(12);
  });

  it('uses colours only where they are wanted', () => {
    const coloured = listen({ isTty: true, colour: true });
    const plain = listen({ isTty: false, colour: true });
    bus.emit('paused', { paused: true, by: 'olga' });
    expect(coloured.raw()).toContain('\u001b[33mPAUSED');
    expect(plain.raw()).not.toContain('\u001b');
  });
});
