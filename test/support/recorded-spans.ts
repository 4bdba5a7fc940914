// Role: an OpenTelemetry tracer that keeps every span in memory, for tests to look at.
import {
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type TimeInput,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';

export class RecordedSpan implements Span {
  readonly parent: RecordedSpan | undefined;
  readonly start: number;
  readonly attributes: Record<string, unknown> = {};
  readonly events: { readonly name: string; readonly at: number; readonly about: Attributes }[] =
    [];
  name: string;
  status: SpanStatus | undefined;
  /** Each time that it was ended; once is right. */
  readonly ends: number[] = [];
  readonly #id: string;

  // oxlint-disable-next-line max-params -- who it is, what it is below, and how it was begun
  constructor(id: string, name: string, parent: RecordedSpan | undefined, options: SpanOptions) {
    this.#id = id;
    this.name = name;
    this.parent = parent;
    this.start = secondsOf(options.startTime);
    this.setAttributes(options.attributes ?? {});
  }

  get endedAt(): number | undefined {
    return this.ends[0];
  }

  spanContext(): SpanContext {
    return { traceId: '1'.repeat(32), spanId: this.#id, traceFlags: TraceFlags.SAMPLED };
  }

  setAttribute(key: string, value: unknown): this {
    this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }

  addEvent(name: string, about?: Attributes | TimeInput, at?: TimeInput): this {
    this.events.push({ name, at: secondsOf(at), about: about as Attributes });
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }

  updateName(name: string): this {
    this.name = name;
    return this;
  }

  end(at?: TimeInput): void {
    this.ends.push(secondsOf(at));
  }

  isRecording(): boolean {
    return this.ends.length === 0;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  recordException(): void {
    throw new Error('nobody does that');
  }
}

export class RecordingTracer implements Tracer {
  readonly spans: RecordedSpan[] = [];

  startSpan(name: string, options: SpanOptions = {}, context?: Context): RecordedSpan {
    const above = context === undefined ? undefined : trace.getSpan(context);
    const parent = options.root === true ? undefined : this.spans.find((one) => one === above);
    const id = (this.spans.length + 1).toString(16).padStart(16, '0');
    const span = new RecordedSpan(id, name, parent, options);
    this.spans.push(span);
    return span;
  }

  startActiveSpan(): never {
    throw new Error('no span of ours is active');
  }

  get roots(): readonly RecordedSpan[] {
    return this.spans.filter(({ parent }) => parent === undefined);
  }

  below(root: RecordedSpan): readonly RecordedSpan[] {
    return this.spans.filter(({ parent }) => parent === root);
  }
}

/** Epoch seconds. Throws where none was given, or in another form than the one that is safe. */
function secondsOf(time: TimeInput | undefined): number {
  if (!Array.isArray(time)) throw new Error(`not a time of the daemon: ${String(time)}`);
  const [whole, nanoseconds] = time satisfies HrTime;
  return whole + nanoseconds / 1e9;
}
