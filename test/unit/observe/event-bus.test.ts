import { describe, expect, it } from 'vitest';

import { EventBus } from '../../../src/observe/event-bus.ts';

describe('the event bus', () => {
  it('lets the others hear when a listener throws, and says so', () => {
    const bus = new EventBus();
    const heard: string[] = [];
    bus.on('stopping', () => {
      throw new Error('deaf');
    });
    bus.on('stopping', ({ reason }) => heard.push(reason));
    bus.on('failure', ({ where }) => heard.push(where));
    bus.emit('stopping', { reason: 'test' });
    expect(heard).toEqual(['listener of stopping', 'test']);
  });

  it('does not recurse when the listener of failures fails', () => {
    const bus = new EventBus();
    let calls = 0;
    bus.on('failure', () => {
      calls += 1;
      throw new Error('again');
    });
    bus.emit('failure', { where: 'here', error: new Error('first') });
    expect(calls).toBe(1);
  });

  it('is silent after unsubscribing, also in the middle of an event', () => {
    const bus = new EventBus();
    const heard: string[] = [];
    const offs: (() => void)[] = [];
    offs.push(bus.on('stopping', () => offs.forEach((off) => off())));
    offs.push(bus.on('stopping', ({ reason }) => heard.push(reason)));
    bus.emit('stopping', { reason: 'first' });
    bus.emit('stopping', { reason: 'second' });
    expect(heard).toEqual(['first']);
  });
});
