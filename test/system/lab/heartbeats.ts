// Role: watches the guests of a lab by their heartbeats: which host really runs them, how long they
// stood still, and whether they came through unharmed. libvirt's own figures say less: it calls a
// corrupted guest a success, and its downtime is not what the world outside saw.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { GuestReport } from './heartbeat-ledger.ts';
import type { WatchInput, WatchReport } from './heartbeat-process.ts';
import type { HostNumber } from './paths.ts';
import { until } from './shell.ts';

export interface WatchOptions {
  /** A longer silence between two beats is listed in `gaps`. */
  readonly gapMs?: number;
}

const GAP_MS = 1000;

export interface WatchedHost {
  readonly number: HostNumber;
  readonly consoleDir: string;
}

export class HeartbeatWatch {
  readonly #child: ChildProcess;
  /** One question at a time: its answers carry no number. */
  #turn: Promise<unknown> = Promise.resolve();
  #final: Promise<WatchReport> | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** What was seen so far; after `stop`, all that was seen. */
  async report(): Promise<WatchReport> {
    return this.#final ?? this.#ask('report');
  }

  async guest(name: string): Promise<GuestReport> {
    const found = (await this.report()).guests.find((guest) => guest.name === name);
    if (found === undefined) throw new Error(`lab: no heartbeat of ${name} has been seen`);
    return found;
  }

  /** Waits until what is known about a guest satisfies `isEnough`. */
  async waitFor(
    name: string,
    isEnough: (guest: GuestReport) => boolean,
    timeoutMs?: number,
  ): Promise<GuestReport> {
    const look = async (): Promise<GuestReport | undefined> => {
      const { guests } = await this.report();
      return guests.find((guest) => guest.name === name && isEnough(guest));
    };
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    return until(`heartbeats of ${name}`, look, limit);
  }

  async stop(): Promise<WatchReport> {
    this.#final ??= this.#ask('stop');
    return this.#final;
  }

  #ask(question: 'report' | 'stop'): Promise<WatchReport> {
    const answer = this.#turn.then(async () => {
      const reply = once(this.#child, 'message');
      this.#child.send(question);
      const [report] = (await reply) as [WatchReport];
      if (question === 'stop') await once(this.#child, 'exit');
      return report;
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }
}

export async function watchHeartbeats(
  hosts: readonly WatchedHost[],
  { gapMs = GAP_MS }: WatchOptions = {},
): Promise<HeartbeatWatch> {
  const consoles = hosts.map(({ number, consoleDir }) => ({ host: number, dir: consoleDir }));
  const input: WatchInput = { consoles, gapMs };
  const program = fileURLToPath(new URL('./heartbeat-process.ts', import.meta.url));
  const child = fork(program, [JSON.stringify(input)], {
    // no helper thread that this one would have to wait for; and it must not run what is meant for
    // the tests' own process
    execArgv: ['--single-threaded'],
  });
  await once(child, 'message');
  return new HeartbeatWatch(child);
}
