// Story: what an operator sees of moves in a trace viewer: of one that succeeds, one that fails,
// one whose daemon is killed or stopped in the middle, and one that another controller takes over.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';

import { play } from '../../src/app/scenario/play.ts';
import { Transcript } from '../../src/app/scenario/transcript.ts';
import { STAGES } from '../../src/domain/journal.ts';
import { subscribeTraces } from '../../src/observe/traces.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { type RecordedSpan, RecordingTracer } from '../support/recorded-spans.ts';
import { SharedControllers } from '../support/shared-controllers.ts';
import { readStory, type Story } from '../support/story-file.ts';
import { StoryWorld } from '../support/story-fleet.ts';
import { MONDAY_MORNING, virtualClock } from '../support/virtual-time.ts';

/** One tracer for each life of the daemon. Nobody ends a subscription: the events have to. */
async function traced(
  name: string,
  change: (story: Story) => Story = (story) => story,
): Promise<readonly RecordingTracer[]> {
  const story = change(readStory(join(import.meta.dirname, name)));
  const folder = mkdtempSync(join(tmpdir(), 'drover-traces-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = virtualClock();
  const world = new StoryWorld(story.fleet, clock, story.storageLocks);
  const lives: RecordingTracer[] = [];
  await play({
    scenario: story,
    world,
    clock,
    folder,
    seed: 1,
    transcript: new Transcript(clock),
    summary: () => [],
    follow: (bus) => {
      const tracer = new RecordingTracer();
      lives.push(tracer);
      subscribeTraces(bus, { clock, version: '1', tracer });
      return () => undefined;
    },
  });
  return lives;
}

/** The traces of a VM's moves, in the order in which they were begun. */
function of(vm: string, tracer: RecordingTracer | undefined): readonly RecordedSpan[] {
  return tracer?.roots.filter(({ attributes }) => attributes['drover.vm.id'] === vm) ?? [];
}

function only(vm: string, tracer: RecordingTracer | undefined): RecordedSpan {
  const [root, ...more] = of(vm, tracer);
  if (root === undefined || more.length > 0) throw new Error(`${vm} has not moved once`);
  return root;
}

/** Whole seconds of the story, as its log shows them. */
function since(at = Number.NaN): number {
  return Math.round(at - MONDAY_MORNING);
}

/** `mm:ss` to seconds. */
function clockTime(text: string): number {
  const [minutes = 0, rest = 0] = text.split(':').map(Number);
  return minutes * 60 + rest;
}

function expectWhole(tracer: RecordingTracer): void {
  for (const root of tracer.roots) {
    const below = tracer.below(root);
    let newest = root.start;
    for (const { start, endedAt = Number.NaN, ends } of below) {
      expect(start).toBeGreaterThanOrEqual(newest);
      expect(endedAt).toBeGreaterThanOrEqual(start);
      expect(ends).toHaveLength(1);
      newest = endedAt;
    }
    expect(root.ends).toHaveLength(1);
    expect(root.endedAt).toBeGreaterThanOrEqual(newest);
  }
}

describe('the trace of a move', () => {
  it('that succeeds has a span for each stage, in order, in the time of the daemon', async () => {
    const [, tracer] = await traced('32-crash-mid-plan');
    const root = only('wiki', tracer);
    const below = tracer?.below(root) ?? [];
    expect(root).toMatchObject({
      name: 'vm.migrate',
      status: undefined,
      attributes: {
        'drover.move.id': expect.stringMatching(/^move-/),
        'drover.plan.id': expect.stringMatching(/^plan-/),
        'drover.finding.id': 'order:order-1',
        'drover.vm.name': 'wiki',
        'drover.source_host.id': 'h1',
        'drover.target_host.id': 'h2',
        'drover.move.method': 'pre-copy',
        'drover.move.tier': 'mandatory',
        'drover.move.criticality': 'standard',
        'drover.move.outcome': 'succeeded',
        'drover.move.downtime_seconds': expect.closeTo(0.101, 3),
        'drover.move.transferred_bytes': expect.any(Number),
      },
    });
    expect(root.attributes).not.toHaveProperty('drover.move.taken_up');
    expect(below.map(({ name }) => name)).toEqual(STAGES);
    expect(below.map(({ status }) => status)).toEqual(STAGES.map(() => undefined));
    expect(since(root.start)).toBe(clockTime('07:50'));
    expect(since(root.endedAt)).toBe(clockTime('09:16'));
    expect(below[0]?.start).toBe(root.start);
    expect(below.at(-1)?.endedAt).toBe(root.endedAt);
    const copying = below.find(({ name }) => name === 'pre-copy');
    expect((copying?.endedAt ?? 0) - (copying?.start ?? 0)).toBeGreaterThan(80);
  });

  it('that fails says where and why, what was tried, and that it was taken back', async () => {
    const [tracer] = await traced('25-busy-vm');
    const [root] = of('busy', tracer);
    if (tracer === undefined || root === undefined) throw new Error('busy has not moved');
    const why = 'it does not converge: no progress for 120 s; it runs on its source';
    const failed = { code: SpanStatusCode.ERROR, message: why };
    expect(root.status).toEqual(failed);
    expect(root.attributes).toMatchObject({
      'drover.move.outcome': 'failed',
      'drover.move.detail': why,
    });
    expect(tracer.below(root).map(({ name, status }) => [name, status])).toEqual([
      ['pre-migration', undefined],
      ['reservation', undefined],
      ['pre-copy', failed],
      ['undo pre-copy', undefined],
      ['undo reservation', undefined],
      ['undo pre-migration', undefined],
    ]);
    const copying = tracer.below(root).find(({ name }) => name === 'pre-copy');
    expect(copying?.events.map(({ name, at, about }) => [name, since(at), about])).toEqual([
      ['phase.setup', clockTime('02:00'), expect.anything()],
      ['phase.pre-copy', expect.any(Number), expect.anything()],
      ['steer.downtime-limit', clockTime('02:42'), limit(0.4)],
      ['steer.downtime-limit', clockTime('02:51'), limit(0.5)],
    ]);
    expect(since(copying?.endedAt)).toBe(clockTime('04:59'));
    expectWhole(tracer);
  });

  it('that is switched to post-copy shows when it was asked for, and when it was so', async () => {
    const [tracer] = await traced('26-post-copy-by-policy');
    if (tracer === undefined) throw new Error('there was no life');
    const events = tracer
      .below(only('batch', tracer))
      .flatMap((span) => span.events.map(({ name, at }) => [span.name, name, since(at)]));
    expect(events).toContainEqual(['pre-copy', 'steer.post-copy', clockTime('03:04')]);
    expect(events).toContainEqual(['pre-copy', 'phase.post-copy', clockTime('03:06')]);
    const throttled = tracer.below(only('db', tracer)).flatMap((span) => span.events);
    expect(throttled.map(({ name }) => name)).toContain('steer.auto-converge');
    expectWhole(tracer);
  });
});

describe('a move whose daemon goes away', () => {
  it('is another trace after it was killed, found by the same move', async () => {
    const [before, after] = await traced('32-crash-mid-plan');
    if (before === undefined || after === undefined) throw new Error('there were not two lives');
    // Nobody was left to end it.
    expect(only('db', before).ends).toEqual([]);
    const again = only('db', after);
    expect(again.attributes).toMatchObject({
      'drover.move.id': only('db', before).attributes['drover.move.id'],
      'drover.move.taken_up': true,
      'drover.move.outcome': 'succeeded',
    });
    expect(since(again.start)).toBe(clockTime('04:00'));
    expect(after.below(again).map(({ name }) => name)).toEqual(STAGES.slice(2));
    expectWhole(after);
  });

  it('ends its trace where that is stopped in good order', async () => {
    const [before, after] = await traced('32-crash-mid-plan', ({ steps, ...story }) => ({
      ...story,
      steps: steps.map(({ at, action }) =>
        action.kind === 'crash' ? { at, action: { ...action, kind: 'restart' } } : { at, action },
      ),
    }));
    if (before === undefined || after === undefined) throw new Error('there were not two lives');
    const root = only('db', before);
    expect(root.attributes).toMatchObject({ 'drover.move.left_open': true });
    expect(root.attributes).not.toHaveProperty('drover.move.outcome');
    expect(root.status).toBeUndefined();
    expect(before.below(root).at(-1)?.status).toBeUndefined();
    expect(since(root.endedAt)).toBe(clockTime('02:30'));
    expect(only('db', after).attributes).toMatchObject({ 'drover.move.taken_up': true });
    for (const life of [before, after]) expectWhole(life);
  });

  it('ends its trace when its lease is over, and goes on in that of the next holder', async () => {
    const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, memoryGib: 512 }));
    const vms = [aVm({ id: 'big', host: 'h1', memoryGib: 256, dirtyRate: 1 })];
    const pair = new SharedControllers(aSnapshot({ hosts, vms }), ORDERED_POLICY);
    onTestFinished(() => pair.close());
    const tracers = new Map<string, RecordingTracer>();
    pair.follow = (name, bus, clock) => {
      const tracer = new RecordingTracer();
      tracers.set(name, tracer);
      return subscribeTraces(bus, { clock, version: '1', tracer });
    };
    await pair.start('ada');
    await pair.until(30);
    await pair.start('bob');
    await pair.until(120);
    await pair.empty('ada', 'h1');
    await pair.until(130);
    expect(only('big', tracers.get('ada')).ends).toEqual([]);
    pair.kill('ada');
    await pair.until(600);
    expect(only('big', tracers.get('ada')).attributes).toMatchObject({
      'drover.move.left_open': true,
    });
    expect(only('big', tracers.get('bob')).attributes).toMatchObject({
      'drover.move.taken_up': true,
      'drover.move.outcome': 'succeeded',
    });
    for (const tracer of tracers.values()) expectWhole(tracer);
  });
});

describe('traces of all kinds of moves', () => {
  it.each([
    '09-lock-conflict',
    '20-target-dies-mid-plan',
    '25c-cold-instead',
    '31-cancel',
    '40-debris-on-the-target',
    '66-host-dead-and-fenced',
  ])('are whole: %s', async (story) => {
    for (const tracer of await traced(story)) {
      expect(tracer.roots.length).toBeGreaterThan(0);
      expectWhole(tracer);
    }
  });
});

function limit(seconds: number): unknown {
  return { 'drover.migration.downtime_limit_seconds': seconds };
}
