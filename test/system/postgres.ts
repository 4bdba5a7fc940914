// Role: a real PostgreSQL on loopback, unprivileged, in a folder of its own that goes when it does.
// It can be killed and started again, and stand behind a network that swallows everything.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';

import { until } from './lab/shell.ts';

const run = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';
const USER = 'drover';
const NOBODY = 65_534;

export interface Postgres {
  /** Of a new, empty database. */
  database(): Promise<string>;
  /** The same database through a wire that can be cut. */
  wire(url: string): Promise<Wire>;
  query(url: string, text: string): Promise<readonly unknown[]>;
  /** kill -9 of the server with all its children, as a power cut is to it. */
  kill(): Promise<void>;
  start(options?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface Wire {
  readonly url: string;
  /** Nothing comes through any more, in either direction; nobody is told. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  // PostgreSQL refuses to run as root, and the tests' own temporary folder lets only root in.
  const isRoot = process.getuid?.() === 0;
  const folder = await mkdtemp(join(isRoot ? '/tmp' : tmpdir(), 'drover-postgres-'));
  if (isRoot) await chown(folder, NOBODY, NOBODY);
  const data = join(folder, 'data');
  const port = await freePort();
  const tool = (name: string, args: readonly string[]) => asNobody(binary(name), args, folder);
  await tool('initdb', ['-D', data, '-U', USER, '-A', 'trust', '--no-sync', '-E', 'UTF8']);
  // After a kill it makes sure of every file of every database, one by one, before it answers: of
  // so many databases that takes a minute. All at once is as safe.
  const sync = '-c recovery_init_sync_method=syncfs';
  const base = `-p ${port} -c listen_addresses=127.0.0.1 -k ${folder} ${sync}`;
  const start = async (options: readonly string[] = []): Promise<void> => {
    const settings = [base, ...options.map((one) => `-c ${one}`)].join(' ');
    const log = join(folder, 'log');
    await tool('pg_ctl', ['-D', data, '-w', '-t', '240', '-l', log, '-o', settings, 'start']);
  };
  await start();
  const urlOf = (name: string): string => `postgres://${USER}@127.0.0.1:${port}/${name}`;
  let databases = 0;
  return {
    async database() {
      databases += 1;
      const name = `drover_${databases}`;
      await query(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    wire: (url) => openWire(url, port),
    query,
    async kill() {
      const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
      const { stdout } = await run('pgrep', ['-P', String(pid)]);
      const all = [pid, ...stdout.trim().split('\n').map(Number)];
      for (const one of all) process.kill(one, 'SIGKILL');
      // Its shared memory goes with the last of them; until then no other one starts.
      const areGone = async () => (all.some(isAlive) ? undefined : true);
      await until('PostgreSQL is dead', areGone, { timeoutMs: 30_000 });
    },
    start,
    async stop() {
      await tool('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Debian keeps each version in a folder of its own; the newest is taken. */
function binary(name: string): string {
  const [newest] = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a));
  return join(VERSIONS, newest ?? 'none', 'bin', name);
}

async function asNobody(file: string, args: readonly string[], cwd: string): Promise<void> {
  if (process.getuid?.() !== 0) return void (await run(file, [...args], { cwd }));
  const who = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', 'HOME=/tmp'];
  await run('setpriv', [...who, file, ...args], { cwd });
}

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function openWire(url: string, port: number): Promise<Wire> {
  let isCut = false;
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from);
      from.on('data', (bytes) => {
        if (!isCut) to.write(bytes);
      });
      from.on('close', () => {
        ends.delete(from);
        if (!isCut) to.destroy();
      });
      from.on('error', () => undefined);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: url.replace(`:${port}/`, `:${own}/`),
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      // What was swallowed is lost: those conversations make no sense any more.
      for (const end of ends) end.destroy();
    },
    async close() {
      for (const end of ends) end.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
