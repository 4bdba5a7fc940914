/**
 * The spans of one move: a root from where it is taken up to its end here, and below it one for
 * each stage (Clark et al.), in the order in which it goes through them. Where nobody records the
 * root, nothing more is made.
 */

import {
  type Attributes,
  type Context,
  type HrTime,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';

import type { EventMap, MoveProgress } from '../domain/events.ts';
import type { MoveResult, Outcome } from '../domain/journal.ts';
import { assertNever } from '../domain/result.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { printable, withoutSecrets } from './printable.ts';

/** What spans and their events may carry, for documentation. What is not known is left out. */
export const TRACE_ATTRIBUTES = {
  'drover.move.id': 'the move, as in `drover migrations` and `drover history`',
  'drover.plan.id': 'the plan that it is of: `drover history --plan ID`',
  'drover.finding.id': 'what asked for it',
  'drover.vm.id': 'the VM',
  'drover.vm.name': 'its name',
  'drover.source_host.id': 'where it is to leave',
  'drover.target_host.id': 'where it is to go',
  'drover.move.method': '`pre-copy`, `post-copy`, `cold`, `storage`, `restart`',
  'drover.move.tier': '`mandatory`, `corrective`, `optional`',
  'drover.move.criticality': 'of the VM',
  'drover.move.instead_of': 'the move that came to nothing, in whose place this one is tried',
  'drover.move.taken_up':
    '`true`: it was begun before; what went before is another trace with the same `drover.move.id`',
  'drover.move.outcome': '`succeeded`, `failed`, `skipped`, `cancelled`, `needs-human`',
  'drover.move.detail': 'why, for people',
  'drover.move.left_open':
    '`true`: it goes on without this controller (it stops, or its lease is over)',
  'drover.move.downtime_seconds': 'as the hypervisor reports it',
  'drover.move.transferred_bytes': 'sent in all',
  'drover.move.queued_seconds': 'how long the platform had it in its queue',
  'drover.migration.bytes_sent': 'of an event: so far',
  'drover.migration.bytes_remaining': 'of an event: of this round',
  'drover.migration.downtime_limit_seconds': 'of an event: what the limit was raised to',
  'drover.migration.refused': 'of an event: why the hypervisor did not do it',
} as const;

type AttributeName = keyof typeof TRACE_ATTRIBUTES;
type Known = Partial<Record<AttributeName, string | number | boolean | undefined>>;

type Begun = EventMap['move-stage'];

interface StageSpan {
  readonly span: Span;
  /** Of an undo, the beginning of whatever comes next is the end. */
  readonly isUndo: boolean;
}

export class MoveTrace {
  readonly #tracer: Tracer;
  readonly #root: Span;
  readonly #below: Context;
  #stage: StageSpan | undefined;
  /** The stage that did not get to its end, and when it was left. */
  #cut: { readonly span: Span; readonly at: HrTime } | undefined;
  #phase: MoveProgress['phase'] | undefined;
  #newest: EpochSeconds;

  constructor(tracer: Tracer, begun: Begun) {
    this.#tracer = tracer;
    this.#newest = begun.at;
    // Here already, for samplers see nothing that is set later. And a root: whoever's request the
    // daemon happens to serve is not what the move is a part of.
    this.#root = tracer.startSpan(
      begun.move.method === 'restart' ? 'vm.restart' : 'vm.migrate',
      { root: true, startTime: hrTime(begun.at), attributes: known(aboutMove(begun)) },
      ROOT_CONTEXT,
    );
    this.#below = trace.setSpan(ROOT_CONTEXT, this.#root);
  }

  stage({ stage, phase, at }: Begun): void {
    if (!this.#root.isRecording()) return;
    const time = this.#time(at);
    switch (phase) {
      case 'before':
        // Something failed, and this process takes it up again: the stage is gone through anew.
        this.#leaveStage(time);
        this.#endCut('it was taken up again');
        this.#stage = { span: this.#child(stage, time), isUndo: false };
        return;
      case 'after':
        this.#stage?.span.end(time);
        this.#stage = undefined;
        return;
      case 'undo':
        this.#leaveStage(time);
        this.#stage = { span: this.#child(`undo ${stage}`, time), isUndo: true };
        return;
      default:
        assertNever(phase, 'phase');
    }
  }

  progress({ phase, bytesSent, bytesRemaining }: MoveProgress, at: EpochSeconds): void {
    if (phase === this.#phase || !this.#root.isRecording()) return;
    this.#phase = phase;
    this.#note(`phase.${phase}`, at, {
      'drover.migration.bytes_sent': bytesSent,
      'drover.migration.bytes_remaining': bytesRemaining,
    });
  }

  steered({ steering, at, refused }: EventMap['move-steered']): void {
    if (!this.#root.isRecording()) return;
    this.#note(`steer.${steering.kind}`, at, {
      'drover.migration.downtime_limit_seconds':
        steering.kind === 'downtime-limit' ? steering.seconds : undefined,
      'drover.migration.refused': refused === undefined ? undefined : safe(refused),
    });
  }

  ended({ outcome, detail, at, downtimeSeconds, bytes, queuedSeconds }: MoveResult): void {
    if (!this.#root.isRecording()) return;
    const text = detail === '' ? undefined : safe(detail);
    this.#root.setAttributes(
      known({
        'drover.move.outcome': outcome,
        'drover.move.detail': text,
        'drover.move.downtime_seconds': downtimeSeconds,
        'drover.move.transferred_bytes': bytes,
        'drover.move.queued_seconds': queuedSeconds,
      }),
    );
    this.#close(at, isError(outcome) ? (text ?? outcome) : undefined);
  }

  /** Its end was not told here. `outcome`: what another controller has on record of it. */
  letGo(outcome: Outcome | undefined, at: EpochSeconds): void {
    if (!this.#root.isRecording()) return;
    const isOpen = outcome === undefined;
    this.#root.setAttributes(
      known({
        'drover.move.outcome': outcome,
        'drover.move.left_open': isOpen ? true : undefined,
      }),
    );
    this.#close(at, !isOpen && isError(outcome) ? outcome : undefined);
  }

  /** `error`: what went wrong; undefined: nothing that is an error. */
  #close(at: EpochSeconds, error: string | undefined): void {
    const time = this.#time(at);
    this.#leaveStage(time);
    this.#endCut(error);
    if (error !== undefined) fail(this.#root, error);
    this.#root.end(time);
  }

  #leaveStage(time: HrTime): void {
    const left = this.#stage;
    this.#stage = undefined;
    if (left === undefined) return;
    // Whether that was an error is known when the move has ended.
    if (left.isUndo) left.span.end(time);
    else this.#cut = { span: left.span, at: time };
  }

  #endCut(error: string | undefined): void {
    const cut = this.#cut;
    this.#cut = undefined;
    if (error !== undefined && cut !== undefined) fail(cut.span, error);
    cut?.span.end(cut.at);
  }

  #child(name: string, startTime: HrTime): Span {
    return this.#tracer.startSpan(name, { startTime }, this.#below);
  }

  #note(name: string, at: EpochSeconds, attributes: Known): void {
    const span = this.#stage?.span ?? this.#root;
    span.addEvent(name, known(attributes), this.#time(at));
  }

  /** The wall clock may be set back: nothing ends before it has begun. */
  #time(at: EpochSeconds): HrTime {
    if (at > this.#newest) this.#newest = at;
    return hrTime(this.#newest);
  }
}

function aboutMove({ move, plan, vmName, stage, phase }: Begun): Known {
  const isNew = stage === 'pre-migration' && phase === 'before';
  return {
    'drover.move.id': move.id,
    'drover.plan.id': plan,
    'drover.finding.id': move.reason.finding,
    'drover.vm.id': move.vm,
    'drover.vm.name': printable(vmName),
    'drover.source_host.id': move.from,
    'drover.target_host.id': move.to,
    'drover.move.method': move.method,
    'drover.move.tier': move.tier,
    'drover.move.criticality': move.criticality,
    'drover.move.instead_of': move.insteadOf,
    'drover.move.taken_up': isNew ? undefined : true,
  };
}

function known(attributes: Known): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function isError(outcome: Outcome): boolean {
  return outcome === 'failed' || outcome === 'needs-human';
}

function fail(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

function safe(text: string): string {
  return withoutSecrets(printable(text));
}

/**
 * Not as a number: SDKs take one that lies before the start of the process (a simulated clock's)
 * for the milliseconds since then.
 */
function hrTime(at: EpochSeconds): HrTime {
  const milliseconds = Math.round(at * 1e3);
  return [Math.floor(milliseconds / 1e3), (milliseconds % 1e3) * 1e6];
}
