// Role: an event sink that remembers everything, for tests to ask.
import type { EventMap, EventName } from '../../src/domain/events.ts';
import type { EventSink } from '../../src/ports/events.ts';

export interface RecordingEvents extends EventSink {
  of<Name extends EventName>(name: Name): readonly EventMap[Name][];
  readonly names: readonly EventName[];
}

export function recordingEvents(): RecordingEvents {
  const all: { readonly name: EventName; readonly event: unknown }[] = [];
  return {
    emit(name, event) {
      all.push({ name, event });
    },
    of<Name extends EventName>(name: Name): readonly EventMap[Name][] {
      // `emit` has stored each event under its own name.
      return all
        .filter((entry) => entry.name === name)
        .map((entry) => entry.event as EventMap[Name]);
    },
    get names() {
      return all.map((entry) => entry.name);
    },
  };
}
