// Role: a task on a connection that was given up, or may not go on, calls libvirt no more, whenever
// its process wakes again.
import { describe, expect, it } from 'vitest';

import { Connection, type OpenOptions } from '../../../../adapters/libvirt/connection.ts';
import {
  adapterCodeOf,
  ConnectError,
  connectError,
  isUnanswered,
} from '../../../../adapters/libvirt/native/errors.ts';
import { LibvirtLibrary } from '../../../../adapters/libvirt/native/library.ts';
import type { Session } from '../../../../adapters/libvirt/native/session.ts';
import { allowWhile } from '../../../../src/ports/permission.ts';

const LIMITS = { callSeconds: 60, keepAlive: { intervalSeconds: 5, count: 3 } };

async function scene(options: OpenOptions = {}) {
  const calls: string[] = [];
  /** Of the call that does not come back at once. */
  const answer = Promise.withResolvers<number>();
  const answers = {
    acquire: () => undefined,
    release: () => undefined,
    reportCount: () => 0,
    call: (name: string): Promise<number | bigint> => {
      calls.push(name);
      if (name === 'virConnectOpen') return Promise.resolve(1n);
      return name === 'virDomainIsActive' ? answer.promise : Promise.resolve(0);
    },
  };
  const library: LibvirtLibrary = Object.assign(Object.create(LibvirtLibrary.prototype), answers);
  const connection = await Connection.open(library, 'test:///', LIMITS, options);
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

describe('a connection that is opened', () => {
  it('needs no seat beside that of whoever opens it', async () => {
    const { calls } = await scene({ takeSeat: () => Promise.reject(new Error('none is free')) });
    expect(calls).toContain('virConnectSetKeepAlive');
  });
});

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

describe('a connection that cannot be opened', () => {
  const NO_DOMAIN = { code: 42, message: 'Domain not found' };
  const REFUSED = { code: 38, message: `unable to connect to server at 'h1:16514'` };
  const URI = 'qemu+tls://root@h1:16514/system';

  /** What the open says, where the errors of `others` come in after its own. */
  async function opened(...reports: readonly { code: number; message: string }[]) {
    const answers = {
      acquire: () => undefined,
      release: () => undefined,
      reportCount: () => 7,
      reportsSince: (count: number) => (count === 7 ? reports : []),
      call: () => Promise.resolve(null),
    };
    const library: LibvirtLibrary = Object.assign(Object.create(LibvirtLibrary.prototype), answers);
    return Connection.open(library, URI, LIMITS).catch((error: unknown) => error);
  }

  it('is told with its own error, whatever else failed meanwhile', async () => {
    const error = await opened(NO_DOMAIN, REFUSED, { code: 42, message: 'Domain not found: h1' });
    expect(error).toMatchObject(REFUSED);
    expect(adapterCodeOf(error)).toBe('unreachable');
  });

  it.each([
    [[NO_DOMAIN], { code: 5, message: 'cannot connect' }],
    [[], { code: 5, message: 'cannot connect' }],
    [[{ code: 1, message: 'odd' }, NO_DOMAIN], { code: 1, message: 'odd' }],
    [[REFUSED, { code: 38, message: 'h2: refused' }], REFUSED],
    [
      [
        { code: 45, message: 'no ticket' },
        { code: 88, message: 'no' },
      ],
      { code: 45 },
    ],
  ])('is never an answer (%j)', async (reports, told) => {
    const error = await opened(...reports);
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject(told);
    expect(isUnanswered(error)).toBe(true);
  });

  it('is a matter of rights only where the host said so', () => {
    const code = (...codes: readonly number[]): string =>
      adapterCodeOf(
        connectError(
          URI,
          codes.map((one) => ({ code: one, message: '' })),
        ),
      );
    expect([code(79), code(3), code(42), code()]).toEqual([
      'auth',
      'unreachable',
      'unreachable',
      'unreachable',
    ]);
  });
});
