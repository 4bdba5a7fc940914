/**
 * The typed event bus. Emitting is synchronous, never throws and never waits: a listener that
 * fails is announced as a `failure` event, and the others still hear.
 */

import type { EventMap, EventName } from '../domain/events.ts';
import type { EventSink, EventSource } from '../ports/events.ts';

type Listener = (event: never) => void;

export class EventBus implements EventSink, EventSource {
  readonly #listeners = new Map<EventName, Set<Listener>>();

  on<Name extends EventName>(name: Name, listener: (event: EventMap[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(name, listeners);
    return () => {
      listeners.delete(listener);
    };
  }

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    // A copy: a listener may unsubscribe itself or others while it is being called.
    for (const listener of Array.from(this.#listeners.get(name) ?? [])) {
      try {
        // The map holds, under each name, listeners of that name's event only (see `on`).
        (listener as (event: EventMap[Name]) => void)(event);
      } catch (error) {
        // A listener of `failure` that fails itself has nobody left to be told.
        if (name !== 'failure') this.emit('failure', { where: `listener of ${name}`, error });
      }
    }
  }
}
