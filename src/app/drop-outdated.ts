/** Moves that wait for their turn are dropped as soon as what they were planned by is over. */

import { orderFindingId } from '../domain/order.ts';
import type { Executor } from '../execute/executor.ts';
import type { EventSource } from '../ports/events.ts';

/** Stops it. */
export function dropOutdated(
  events: EventSource,
  executor: Pick<Executor, 'dropOf' | 'dropWaiting'>,
): () => void {
  const stops = [
    // They were judged under the old policies: the next tick plans them anew.
    events.on('policies', () => executor.dropWaiting('all')),
    events.on('order', ({ order }) => {
      if (order.state !== 'open') executor.dropOf(orderFindingId(order));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
