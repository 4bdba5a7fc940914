/** Where the tick and the executor announce what happens. Emitting never throws and never waits. */

import type { EventMap, EventName } from '../domain/events.ts';

export interface EventSink {
  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void;
}

export interface EventSource {
  /** Returns the function that unsubscribes. A listener that throws is reported, not obeyed. */
  on<Name extends EventName>(name: Name, listener: (event: EventMap[Name]) => void): () => void;
}
