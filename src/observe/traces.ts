/**
 * Traces with OpenTelemetry, one for each move. Drover knows the API only, which does nothing
 * until the operator loads an SDK (README.md): there it is decided what is sampled, and where it is
 * sent. Times are the daemon's own, also where that is simulated.
 */

import {
  type ProxyTracerProvider,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';

import type { MoveId } from '../domain/ids.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSource } from '../ports/events.ts';
import { MoveTrace } from './move-trace.ts';

export interface TracesOptions {
  /** Whose times the spans carry. */
  readonly clock: Pick<Clock, 'now'>;
  /** Of Drover. */
  readonly version: string;
  /** Default: that of the SDK which the operator has loaded. */
  readonly tracer?: Tracer;
}

/** Returns the function that ends it: what is open then is let go. */
export function subscribeTraces(events: EventSource, options: TracesOptions): () => void {
  const { clock, version, tracer = trace.getTracer('drover', version) } = options;
  const open = new Map<MoveId, MoveTrace>();
  const offs = [
    events.on('move-stage', (event) => {
      const known = open.get(event.move.id) ?? new MoveTrace(tracer, event);
      open.set(event.move.id, known);
      known.stage(event);
    }),
    events.on('move-progress', ({ move, progress }) =>
      open.get(move.id)?.progress(progress, clock.now()),
    ),
    events.on('move-steered', (event) => open.get(event.move.id)?.steered(event)),
    events.on('move-ended', ({ move, result }) => {
      open.get(move.id)?.ended(result);
      open.delete(move.id);
    }),
    events.on('move-let-go', ({ move, outcome }) => {
      open.get(move.id)?.letGo(outcome, clock.now());
      open.delete(move.id);
    }),
  ];
  return () => {
    for (const off of offs) off();
    for (const left of open.values()) left.letGo(undefined, clock.now());
    open.clear();
  };
}

/** How long a stop may wait for a collector that does not answer. */
const FLUSH_SECONDS = seconds(5);

/** What SDKs have beside the API's own. */
interface SdkProvider extends TracerProvider, Partial<Pick<ProxyTracerProvider, 'getDelegate'>> {
  readonly forceFlush?: () => Promise<void>;
}

/**
 * Lets the SDK send what has ended: the process ends right after its last moves are let go, and an
 * SDK holds spans back for some seconds.
 * @param clock of real time.
 */
export async function flushTraces(clock: Pick<Clock, 'sleep'>): Promise<void> {
  const registered: SdkProvider = trace.getTracerProvider();
  const provider: SdkProvider = registered.getDelegate?.() ?? registered;
  if (provider.forceFlush === undefined) return;
  const sent = new AbortController();
  // That a collector does not take them the SDK tells.
  const flushed = provider.forceFlush().catch(() => undefined);
  await Promise.race([flushed, clock.sleep(FLUSH_SECONDS, sent.signal)]);
  sent.abort();
}
