import { describe, expect, it } from 'vitest';

import { planId, ruleId } from '../../../src/domain/ids.ts';
import type { GateVerdict } from '../../../src/domain/journal.ts';
import type { Violation } from '../../../src/domain/violation.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import {
  type LogFormat,
  type LogLevel,
  makeLogger,
  subscribeLog,
} from '../../../src/observe/log.ts';
import { aFinding, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';
import { aProgress, aResult, aSourceStatus, planned } from '../../support/sample-events.ts';

function listen(level: LogLevel = 'debug', format: LogFormat = 'json') {
  const bus = new EventBus();
  const lines: string[] = [];
  const logger = makeLogger({
    level,
    format,
    write: (line) => lines.push(line),
    clock: { now: () => epochSeconds(0) },
  });
  const off = subscribeLog(bus, logger);
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { bus, lines, records, off };
}

function verdictOf(index: number): GateVerdict {
  const move = aMove({ id: `m${index}` });
  return {
    move: move.id,
    verdict: 'refused',
    mode: 'automatic',
    refusals: [
      { code: 'budget', vm: move.vm, host: move.to, detail: '' },
      { code: 'budget', vm: move.vm, host: move.from, detail: '' },
    ],
  };
}

describe('the log', () => {
  it('writes one line of JSON an event, with the time of its clock', () => {
    const { bus, lines, records } = listen();
    bus.emit('paused', { paused: true, by: 'olga' });
    expect(lines[0]).toMatch(/^\{.*\}\n$/u);
    expect(records()).toEqual([
      {
        level: 'warn',
        time: '1970-01-01T00:00:00.000Z',
        paused: true,
        by: 'olga',
        msg: 'paused',
      },
    ]);
  });

  it.each([
    ['succeeded', 'info', 'move succeeded'],
    ['failed', 'warn', 'move did not succeed'],
    ['needs-human', 'error', 'move needs a human'],
  ] as const)('gives a move that %s its level and message', (outcome, level, msg) => {
    const { bus, records } = listen();
    bus.emit('move-ended', { move: aMove(), vmName: 'web', result: aResult(outcome) });
    expect(records()).toMatchObject([{ level, msg, vm: 'web', result: { outcome } }]);
  });

  it('tells late sources from those that are down', () => {
    const { bus, records } = listen();
    for (const state of ['up', 'late', 'down'] as const) bus.emit('source', aSourceStatus(state));
    expect(records().map(({ level, msg }) => `${String(level)} ${String(msg)}`)).toEqual([
      'info source up',
      'warn source late',
      'warn source down',
    ]);
  });

  it('warns of findings that are mandatory or asked for, and only of those', () => {
    const { bus, records } = listen();
    for (const response of ['evacuate', 'notify', 'level'] as const)
      bus.emit('finding-opened', aFinding(response, { host: 'h1' }));
    expect(records().map(({ level }) => level)).toEqual(['warn', 'warn', 'info']);
  });

  it('counts a snapshot and never writes it out', () => {
    const { bus, lines } = listen();
    const vms = [aVm({ id: 'a-very-special-vm' })];
    bus.emit('snapshot', { snapshot: aSnapshot({ vms }), seconds: seconds(1) });
    expect(lines[0]).toContain('"vms":1');
    expect(lines[0]).not.toContain('a-very-special-vm');
  });

  it('cuts long lists and keeps their length', () => {
    const { bus, records, lines } = listen();
    const verdicts = Array.from({ length: 400 }, (_, index) => verdictOf(index));
    bus.emit('gated', { plan: planId('p1'), verdicts });
    expect(records()).toMatchObject([{ count: 400, codes: { budget: 400 } }]);
    expect(lines[0]?.length).toBeLessThan(10_000);
    const violation: Violation = {
      code: 'memory',
      index: 0,
      move: undefined,
      vm: undefined,
      host: undefined,
      rule: ruleId('r'),
      detail: '',
    };
    bus.emit('plan-rejected', {
      plan: planId('p1'),
      violations: Array.from({ length: 99 }, () => violation),
    });
    expect(records()[1]).toMatchObject({ level: 'error', count: 99 });
    expect(records()[1]?.['violations']).toHaveLength(20);
  });

  it('says nothing when the gate lets everything through, and whispers plans without news', () => {
    const { bus, records } = listen('info');
    bus.emit('gated', { plan: planId('p1'), verdicts: [] });
    bus.emit('planned', planned([]));
    bus.emit('planned', planned([aMove()]));
    expect(records()).toMatchObject([{ msg: 'planned', moves: 1 }]);
  });

  it('warns of rules that contradict each other once, and again when they are others', () => {
    const { bus, records } = listen('warn');
    const told = (...texts: string[]) =>
      planned([], { contradictions: texts.map((text) => ({ rules: [], vms: [], text })) });
    bus.emit('planned', told('a'));
    // A first answer has not looked.
    bus.emit('planned', planned([]));
    for (const texts of [['a'], [], ['a'], ['a', 'b']]) bus.emit('planned', told(...texts));
    const msg = 'placement rules contradict each other';
    expect(records()).toMatchObject([
      { msg, level: 'warn', contradictions: ['a'] },
      { msg, contradictions: ['a'] },
      { msg, contradictions: ['a', 'b'] },
    ]);
  });

  it('writes what went wrong with its causes, and nothing that libraries hang on errors', () => {
    const { bus, records, lines } = listen();
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new Error('GET http://u:s3cret@h1/ failed', { cause }), {
      request: { headers: ['authorization', 's3cret'] },
    });
    bus.emit('failure', { where: 'collect', error });
    expect(records()).toMatchObject([
      {
        level: 'error',
        msg: 'failure',
        where: 'collect',
        err: {
          message: 'GET http://[redacted]@h1/ failed',
          cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
        },
      },
    ]);
    expect(lines.join('')).not.toContain('s3cret');
  });

  it.each([
    ['a text', 'just a text'],
    ['nothing', undefined],
    ['a cycle', cycle()],
  ])('survives %s as error', (_what, error) => {
    const { bus, records } = listen();
    bus.emit('failure', { where: 'here', error });
    expect(records()).toMatchObject([{ msg: 'failure', where: 'here' }]);
  });

  it('keeps progress to debug', () => {
    const { bus, lines } = listen('info');
    bus.emit('move-progress', { move: aMove(), vmName: 'web', progress: aProgress(0.5) });
    expect(lines).toEqual([]);
  });

  it('is silent once it is ended', () => {
    const { bus, lines, off } = listen();
    off();
    bus.emit('stopping', { reason: 'test' });
    expect(lines).toEqual([]);
  });
});

describe('the log as text', () => {
  it('is one printable line for people', () => {
    const { bus, lines } = listen('info', 'text');
    bus.emit('warning', { key: 'k', text: 'VM \u001b[31mred\nforged' });
    expect(lines).toEqual([
      '1970-01-01T00:00:00.000Z WARN  warning key=k text="VM \\u001b[31mred\\nforged"\n',
    ]);
  });
});

function cycle(): Error {
  const error = new Error('round');
  error.cause = error;
  return error;
}
