/** What every connection to a PostgreSQL ledger has: who asks, and how long it is waited for. */

import { Socket } from 'node:net';

import type { PoolConfig } from 'pg';

import { SilentServer } from './postgres-errors.ts';

/** The longest that the server works on one statement; the largest is a prune's chunk. */
const STATEMENT_SECONDS = 10;
/** A connection on which nothing comes back for so long is cut. */
const SILENCE_SECONDS = 15;
const CONNECT_SECONDS = 5;
/** Below the silence, so that a connection that nobody uses is closed in good order. */
const IDLE_SECONDS = 10;

export interface PostgresAddress {
  /** postgres://user@host:port/database; with a socket: postgres://user@/database?host=/folder. */
  readonly url: string;
  readonly password: string | undefined;
}

export function connectionSettings({ url, password }: PostgresAddress): PoolConfig {
  return {
    connectionString: url,
    ...(password === undefined ? {} : { password }),
    application_name: 'drover',
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    idleTimeoutMillis: IDLE_SECONDS * 1000,
    statement_timeout: STATEMENT_SECONDS * 1000,
    stream: cutWhenSilent,
  };
}

/** A network that swallows everything leaves the socket open for hours. */
function cutWhenSilent(): Socket {
  const socket = new Socket();
  socket.setTimeout(SILENCE_SECONDS * 1000, () => {
    socket.destroy(new SilentServer(SILENCE_SECONDS));
  });
  return socket;
}

/** For messages and logs. */
export function withoutSecrets(url: string): string {
  return url.replace(/:\/\/[^@/]*@/u, '://').replace(/\?.*$/u, '');
}
