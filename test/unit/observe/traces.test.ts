// Role: what becomes of spans where things do not go as they should: nobody records them, the clock
// is set back, a stage is gone through twice, an end is never told, a collector does not answer.
import {
  INVALID_SPAN_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { epochSeconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { TRACE_ATTRIBUTES } from '../../../src/observe/move-trace.ts';
import { flushTraces, subscribeTraces } from '../../../src/observe/traces.ts';
import { TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { aMove, aStageOf } from '../../support/plans.ts';
import { RecordingTracer } from '../../support/recorded-spans.ts';
import { aProgress, aResult } from '../../support/sample-events.ts';

const MOVE = aMove();

let bus: EventBus;
let clock: ManualClock;
let tracer: RecordingTracer;
let end: () => void;

beforeEach(() => {
  bus = new EventBus();
  clock = manualClock(TEST_NOW);
  tracer = new RecordingTracer();
  end = subscribeTraces(bus, { clock, version: '1', tracer });
});

afterEach(() => trace.disable());

type Stage = Parameters<typeof aStageOf>[1];

function stage(options: Stage): void {
  bus.emit('move-stage', aStageOf(MOVE, options));
}

function ended(...result: Parameters<typeof aResult>): void {
  bus.emit('move-ended', { move: MOVE, vmName: 'web', result: aResult(...result) });
}

function statuses(): unknown {
  return tracer.spans.map(({ name, ends, status }) => [name, ends.length, status?.message]);
}

describe('spans', () => {
  it('carry nothing that is not documented', () => {
    stage({ stage: 'pre-copy', phase: 'before' });
    bus.emit('move-progress', { move: MOVE, vmName: 'web', progress: aProgress(0.5) });
    ended('succeeded');
    for (const { attributes, events } of tracer.spans) {
      const names = [attributes, ...events.map(({ about }) => about)].flatMap(Object.keys);
      expect(Object.keys(TRACE_ATTRIBUTES)).toEqual(expect.arrayContaining(names));
    }
  });

  it('say of a restart of a VM that it is one', () => {
    bus.emit('move-stage', aStageOf(aMove({ method: 'restart' })));
    expect(tracer.roots[0]?.name).toBe('vm.restart');
  });

  it('end with an error where a human is needed, without secrets', () => {
    stage({ stage: 'commitment' });
    ended('needs-human', { detail: 'qemu+tcp://root:hunter2@h1\nsays no' });
    const message = 'qemu+tcp://[redacted]@h1\\u000asays no';
    const status = { code: SpanStatusCode.ERROR, message };
    expect(tracer.spans.map((span) => span.status)).toEqual([status, status]);
  });

  it('are no errors where the move was cancelled', () => {
    stage({ stage: 'pre-copy' });
    stage({ stage: 'pre-copy', phase: 'undo' });
    ended('cancelled', { detail: 'cancelled by anna' });
    expect(statuses()).toEqual([
      ['vm.migrate', 1, undefined],
      ['pre-copy', 1, undefined],
      ['undo pre-copy', 1, undefined],
    ]);
  });

  it('tell a stage that is gone through anew, after something failed, from the first time', () => {
    stage({ stage: 'pre-copy' });
    stage({ stage: 'pre-copy', at: epochSeconds(TEST_NOW + 5) });
    stage({ stage: 'pre-copy', phase: 'after', at: epochSeconds(TEST_NOW + 9) });
    ended('succeeded', { at: epochSeconds(TEST_NOW + 9) });
    expect(statuses()).toEqual([
      ['vm.migrate', 1, undefined],
      ['pre-copy', 1, 'it was taken up again'],
      ['pre-copy', 1, undefined],
    ]);
    expect(tracer.spans.map(({ endedAt }) => endedAt)).toEqual([9, 5, 9].map((s) => TEST_NOW + s));
  });

  it('do not end before they begin when the clock is set back', () => {
    stage({ stage: 'pre-copy' });
    stage({ stage: 'pre-copy', phase: 'after', at: epochSeconds(TEST_NOW - 3600) });
    ended('succeeded', { at: epochSeconds(TEST_NOW - 3590) });
    expect(tracer.spans.map(({ endedAt }) => endedAt)).toEqual([TEST_NOW, TEST_NOW]);
  });
});

describe('what is kept of open moves', () => {
  it('ends with the subscription', () => {
    stage({ stage: 'pre-copy' });
    end();
    expect(statuses()).toEqual([
      ['vm.migrate', 1, undefined],
      ['pre-copy', 1, undefined],
    ]);
    stage({ stage: 'pre-copy', phase: 'after' });
    expect(tracer.spans).toHaveLength(2);
  });

  it('is let go with the move, which is begun anew when it is taken up again', () => {
    stage({ stage: 'pre-migration' });
    bus.emit('move-let-go', { move: MOVE, outcome: undefined });
    stage({ stage: 'pre-copy' });
    const [first, again] = tracer.roots;
    expect(first?.attributes).toMatchObject({ 'drover.move.left_open': true });
    expect(again?.attributes).toMatchObject({ 'drover.move.taken_up': true });
  });

  it('ends as another controller has it on record', () => {
    stage({ stage: 'pre-copy' });
    bus.emit('move-let-go', { move: MOVE, outcome: 'failed' });
    expect(tracer.roots[0]).toMatchObject({
      attributes: { 'drover.move.outcome': 'failed' },
      status: { code: SpanStatusCode.ERROR },
    });
    expect(tracer.roots[0]?.attributes).not.toHaveProperty('drover.move.left_open');
  });

  it('is nothing of a move that was never begun', () => {
    ended('skipped');
    bus.emit('move-let-go', { move: MOVE, outcome: 'skipped' });
    expect(tracer.spans).toEqual([]);
  });
});

describe('without an SDK', () => {
  it('nothing is made but one span for each move that records nothing', () => {
    const silent: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    const startSpan = vi.fn<() => Span>(() => silent);
    const startActiveSpan = () => {
      throw new Error('no span of ours is active');
    };
    end();
    subscribeTraces(bus, { clock, version: '1', tracer: { startSpan, startActiveSpan } });
    stage({ stage: 'pre-copy' });
    stage({ stage: 'pre-copy', phase: 'undo' });
    bus.emit('move-progress', { move: MOVE, vmName: 'web', progress: aProgress(0.5) });
    ended('failed');
    expect(startSpan).toHaveBeenCalledTimes(1);
  });

  it('is nothing to wait for', async () => {
    await flushTraces(clock);
    expect(clock.sleeping).toBe(0);
  });
});

describe('a stop', () => {
  function sdk(forceFlush: () => Promise<void>): void {
    const provider: TracerProvider & { forceFlush: () => Promise<void> } = {
      getTracer: () => tracer,
      forceFlush,
    };
    trace.setGlobalTracerProvider(provider);
  }

  it('lets the SDK send what it has', async () => {
    const flush = vi.fn<() => Promise<void>>(async () => undefined);
    sdk(flush);
    await flushTraces(clock);
    expect(flush).toHaveBeenCalledTimes(1);
    expect(clock.sleeping).toBe(0);
  });

  it('is not kept up by a collector that refuses', async () => {
    sdk(() => Promise.reject(new Error('refused')));
    await expect(flushTraces(clock)).resolves.toBeUndefined();
  });

  it('waits for a collector that does not answer, but not for ever', async () => {
    sdk(() => new Promise(() => undefined));
    const flushed = flushTraces(clock);
    expect(clock.sleeping).toBe(1);
    await clock.until(flushed, 5);
  });
});
