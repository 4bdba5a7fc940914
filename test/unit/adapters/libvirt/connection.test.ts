// Role: a task on a connection that was given up, or may not go on, calls libvirt no more, whenever
// its process wakes again.
import { describe, expect, it } from 'vitest';

import { Connection } from '../../../../adapters/libvirt/connection.ts';
import { LibvirtLibrary } from '../../../../adapters/libvirt/native/library.ts';
import type { Session } from '../../../../adapters/libvirt/native/session.ts';
import { allowWhile } from '../../../../src/ports/permission.ts';

const LIMITS = { callSeconds: 60, keepAlive: { intervalSeconds: 5, count: 3 } };

async function scene() {
  const calls: string[] = [];
  /** Of the call that does not come back at once. */
  const answer = Promise.withResolvers<number>();
  const answers = {
    acquire: () => undefined,
    release: () => undefined,
    call: (name: string): Promise<number | bigint> => {
      calls.push(name);
      if (name === 'virConnectOpen') return Promise.resolve(1n);
      return name === 'virDomainIsActive' ? answer.promise : Promise.resolve(0);
    },
  };
  const library: LibvirtLibrary = Object.assign(Object.create(LibvirtLibrary.prototype), answers);
  const connection = await Connection.open(library, 'test:///', LIMITS);
  /** A long look, and then what is done about it. */
  const task = async (session: Session): Promise<void> => {
    await session.int('virDomainIsActive', 1n);
    await session.int('virDomainCreate', 1n);
  };
  return { calls, answer, connection, task, abort: new AbortController() };
}

/** Everything that needs no more than a turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('a task on a connection', () => {
  it('goes on as long as it is waited for', async () => {
    const { calls, answer, connection, task, abort } = await scene();
    const use = connection.use('starting', task, { signal: abort.signal });
    answer.resolve(0);
    await use;
    expect(calls).toContain('virDomainCreate');
  });

  it('does nothing more when it was given up', async () => {
    const { calls, answer, connection, task, abort } = await scene();
    const use = connection.use('starting', task, { signal: abort.signal });
    await settled();
    abort.abort();
    await expect(use).rejects.toThrow('starting: cancelled');
    answer.resolve(0);
    await settled();
    expect(calls).toContain('virDomainIsActive');
    expect(calls).not.toContain('virDomainCreate');
    expect(await connection.isUsable()).toBe(false);
  });

  it.each(['signal', 'permit'] as const)('does nothing that is not allowed (%s)', async (by) => {
    const { calls, answer, connection, task, abort } = await scene();
    let isHeld = true;
    allowWhile(abort.signal, () => isHeld);
    const seconds = Number.POSITIVE_INFINITY;
    const use = connection.use('starting', task, { seconds, [by]: abort.signal });
    await settled();
    // As in a process that was stopped past its lease: no timer has run yet when the answer comes.
    isHeld = false;
    answer.resolve(0);
    await expect(use).rejects.toThrow('may not go on');
    expect(calls).not.toContain('virDomainCreate');
  });
});
