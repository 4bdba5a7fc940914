/**
 * What every connection to a PostgreSQL ledger has: who asks, what is set, what is asked of it
 * before anything else, and how long it is waited for.
 *
 * Settings are set by statement, not as parameters of the start: a pooler between (PgBouncer)
 * refuses those that it does not know.
 */

import { Socket } from 'node:net';

import { Pool, type PoolClient } from 'pg';

import { SilentServer, translatePostgresError } from './postgres-errors.ts';

/** The longest that the server works on one statement; the largest is a prune's chunk. */
const STATEMENT_SECONDS = 10;
/** A connection on which nothing comes back for so long is cut. */
const SILENCE_SECONDS = 15;
const CONNECT_SECONDS = 5;
/** Below the silence, so that a connection that nobody uses is closed in good order. */
const IDLE_SECONDS = 10;
/** What is asked of a new connection is asked again so often: each is made anew then. */
const LIFE_SECONDS = 60;

export interface PostgresAddress {
  /** postgres://user@host:port/database; with a socket: postgres://user@/database?host=/folder. */
  readonly url: string;
  readonly password: string | undefined;
}

export interface ConnectionUse {
  /** At most so many at once. */
  readonly connections: number;
  /** Of the server, beside those that all have. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Rejects with what speaks against a new connection; it is thrown away then. */
  readonly check?: (client: PoolClient) => Promise<void>;
  /** One statement may take as long as it takes, and the connection be as silent. */
  readonly patient?: boolean;
}

export function openPool(address: PostgresAddress, use: ConnectionUse): Pool {
  const { url, password } = address;
  const pool = new Pool({
    connectionString: url,
    ...(password === undefined ? {} : { password }),
    application_name: 'drover',
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    idleTimeoutMillis: IDLE_SECONDS * 1000,
    maxLifetimeSeconds: LIFE_SECONDS,
    max: use.connections,
    keepAlive: true,
    ...(use.patient === true ? {} : { stream: cutWhenSilent }),
    verify: (client, done) => void verify(client, { url, use, done }),
  });
  // Of a connection that breaks while nobody uses it nobody needs to know: there will be another.
  pool.on('error', ignore);
  // An error of a connection in use reaches whoever waits for its answer.
  pool.on('connect', (client) => client.on('error', ignore));
  return pool;
}

function ignore(): void {
  // Whoever waits for an answer gets the error as well.
}

interface Verification {
  readonly url: string;
  readonly use: ConnectionUse;
  /** Told what speaks against the connection; the pool throws it away then. */
  readonly done: (problem?: Error) => void;
}

async function verify(client: PoolClient, { url, use, done }: Verification): Promise<void> {
  let problem: Error | undefined;
  try {
    await set(client, use);
    await use.check?.(client);
  } catch (error) {
    problem = translatePostgresError(error, withoutSecrets(url));
  }
  done(problem);
}

async function set(client: PoolClient, { settings, patient }: ConnectionUse): Promise<void> {
  const statementSeconds = patient === true ? 0 : STATEMENT_SECONDS;
  const all = Object.entries({ statement_timeout: `${statementSeconds}s`, ...settings });
  const calls = all.map((_one, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`);
  await client.query(`select ${calls.join(', ')}`, all.flat());
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
