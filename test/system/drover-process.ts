// Role: the real daemon and the real CLI as a person runs them: child processes, a configuration
// file, the log on standard output. Tests see nothing of Drover's insides through this.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { until } from './lab/shell.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LAUNCHER = join(ROOT, 'src', 'cli', 'launch.mjs');
/** Seconds of CPU time, of which a busy machine gives little. */
const START_TIMEOUT_MS = 240_000;
const STOP_TIMEOUT_MS = 60_000;

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface DaemonFiles {
  /** drover.yaml, without stateDir, http and policies: those are added. */
  readonly config: string;
  readonly policy: string;
  /** Token of the alerting system's role. */
  readonly alertToken?: string;
}

/** A folder with the configuration, the policy and the daemon's state; survives restarts. */
export class DroverHome {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(files: DaemonFiles): Promise<DroverHome> {
    const folder = await mkdtemp(join(tmpdir(), 'drover-system-'));
    const alert =
      files.alertToken === undefined
        ? ''
        : `  tokens:\n    - { name: alerting, role: alert, token: ${files.alertToken} }\n`;
    const config = [
      'apiVersion: drover/v1',
      'kind: Daemon',
      `stateDir: ${join(folder, 'state')}`,
      `policies: [${join(folder, 'policy.yaml')}]`,
      `http:\n  listen: 127.0.0.1:0\n${alert}`,
      files.config,
    ].join('\n');
    await writeFile(join(folder, 'drover.yaml'), config);
    const home = new DroverHome(folder);
    await home.writePolicy(files.policy);
    return home;
  }

  /** Of all that is started for it: what was compiled once is there for the next start. */
  get environment(): Readonly<Record<string, string>> {
    return { NODE_COMPILE_CACHE: join(this.folder, 'compiled') };
  }

  get configFile(): string {
    return join(this.folder, 'drover.yaml');
  }

  /** A running daemon takes it up by itself. */
  async writePolicy(policy: string): Promise<void> {
    await writeFile(join(this.folder, 'policy.yaml'), policy);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface Access {
  readonly server: string;
  readonly token: string;
  readonly pid: number;
}

export class DroverDaemon {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #home: DroverHome;

  private constructor(home: DroverHome) {
    this.#home = home;
    this.#child = spawn(process.execPath, [LAUNCHER, 'run', '--config', home.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...home.environment },
    });
    this.#exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => this.log.push(parseLine(line)));
    }
  }

  /** Does not wait for its start. */
  static launch(home: DroverHome): DroverDaemon {
    return new DroverDaemon(home);
  }

  /** Resolves when the daemon says that it has started. */
  static async start(home: DroverHome): Promise<DroverDaemon> {
    const daemon = DroverDaemon.launch(home);
    await daemon.waitFor('started', (line) => line.msg === 'started', START_TIMEOUT_MS);
    return daemon;
  }

  get environment(): Readonly<Record<string, string>> {
    return this.#home.environment;
  }

  async access(): Promise<Access> {
    const file = join(this.#home.folder, 'state', 'cli.json');
    return JSON.parse(await readFile(file, 'utf8')) as Access;
  }

  /** The first line, also of those already written, that is what is waited for. */
  async waitFor(
    what: string,
    isIt: (line: LogLine) => boolean,
    timeoutMs = START_TIMEOUT_MS,
  ): Promise<LogLine> {
    const look = async (): Promise<LogLine | undefined> => {
      const found = this.log.find(isIt);
      if (found === undefined && this.#child.exitCode !== null)
        throw new Error(`the daemon ended before ${what}:\n${this.tail()}`);
      return found;
    };
    return until(`${what} in the log`, look, { timeoutMs }).catch((error: unknown) => {
      throw new Error(`no ${what}; its last words:\n${this.tail()}`, { cause: error });
    });
  }

  lines(msg: string): LogLine[] {
    return this.log.filter((line) => line.msg === msg);
  }

  tail(): string {
    return this.log
      .slice(-15)
      .map((line) => JSON.stringify(line).slice(0, 400))
      .join('\n');
  }

  /** Ctrl-C; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    this.#child.kill('SIGINT');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(late);
    return this.#child.exitCode;
  }

  /** To the daemon itself, which the launcher may have started as a child. */
  async signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    process.kill((await this.access()).pid, name);
  }

  /** kill -9: no goodbye, nothing flushed. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null) throw new Error(`it ended by itself:\n${this.tail()}`);
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    // Not of our log: a stack trace, or a library that prints by itself.
    return { msg: line, level: 'text' };
  }
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line against the daemon of that home. */
export async function drover(daemon: DroverDaemon, args: readonly string[]): Promise<CliResult> {
  const { server, token } = await daemon.access();
  const { environment } = daemon;
  const env = { ...process.env, ...environment, DROVER_SERVER: server, DROVER_TOKEN: token };
  return new Promise((resolve) => {
    execFile(process.execPath, [LAUNCHER, ...args], { env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

export async function droverJson<View>(
  daemon: DroverDaemon,
  args: readonly string[],
): Promise<View> {
  const { code, stdout, stderr } = await drover(daemon, [...args, '--json']);
  if (code !== 0) throw new Error(`drover ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as View;
}

/** The same without a process for each question, for those that ask often. */
export async function droverGet<View>(daemon: DroverDaemon, path: string): Promise<View> {
  const { server, token } = await daemon.access();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server}/api/v1/${path}`, { headers });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as View;
}
