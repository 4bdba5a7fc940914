/**
 * What is decided is heard at once by the moves that have not been started: those that wait for
 * their turn are dropped where what they were planned by is over; those that are being looked at
 * ask again whether they still may. What other controllers decide they hear a second later.
 */

import { orderFindingId } from '../domain/order.ts';
import type { Executor } from '../execute/executor.ts';
import type { EventSource } from '../ports/events.ts';

/** Stops it. */
export function dropOutdated(
  events: EventSource,
  executor: Pick<Executor, 'dropOf' | 'dropWaiting' | 'reconsider'>,
): () => void {
  const stops = [
    // They were judged under the old policies: the next tick plans them anew.
    events.on('policies', () => {
      executor.dropWaiting('all');
      executor.reconsider();
    }),
    events.on('order', ({ order, what }) => {
      if (order.state !== 'open') executor.dropOf(orderFindingId(order));
      if (what !== 'repeated') executor.reconsider();
    }),
    events.on('paused', () => executor.reconsider()),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
