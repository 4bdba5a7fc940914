/**
 * The `Fencing` port over the fence agents that distributions ship (package fence-agents): one
 * program per kind of device. Options go in on its standard input as `name=value` lines, so that no
 * password is ever seen in a list of processes; the action is among them.
 *
 * Of `status` an agent says "Status: ON" with exit code 0, or "Status: OFF" with 2. The code alone
 * is not believed: 2 is also what agents exit with when they do not understand an option.
 */

import { spawn } from 'node:child_process';

import type { Host } from '../src/domain/host.ts';
import { type Fencing, FencingError, type PowerStatus } from '../src/ports/fencing.ts';

/** One device: whose power it switches, and how it is talked to. */
export interface FenceDevice {
  /** Id or name of the host. */
  readonly host: string;
  /** "fence_ipmilan", looked up as the shell would, or a path. */
  readonly agent: string;
  /** As the agent calls them (`fence_ipmilan -o metadata`), but for action and password. */
  readonly options: Readonly<Record<string, string>>;
  readonly password: string | undefined;
  readonly timeoutSeconds: number;
}

type Named = Pick<Host, 'id' | 'name'>;
type Action = 'status' | 'off' | 'on';

const OFF_CODE = 2;
/** An agent that talks more than this says nothing more that is of use. */
const LONGEST_OUTPUT = 64 * 1024;
const LONGEST_COMPLAINT = 300;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class FenceAgents implements Fencing {
  readonly #devices: readonly FenceDevice[];

  constructor(devices: readonly FenceDevice[]) {
    this.#devices = devices;
  }

  covers(host: Named): boolean {
    return this.#find(host) !== undefined;
  }

  async status(host: Named, signal: AbortSignal): Promise<PowerStatus> {
    const device = this.#need(host);
    const ended = await run(device, 'status', signal);
    const said = /^Status: (ON|OFF)\s*$/m.exec(ended.stdout)?.[1];
    if (ended.code === 0 && said === 'ON') return 'on';
    if (ended.code === OFF_CODE && said === 'OFF') return 'off';
    throw complaint(device, 'status', ended);
  }

  off(host: Named, signal: AbortSignal): Promise<void> {
    return this.#order(host, 'off', signal);
  }

  on(host: Named, signal: AbortSignal): Promise<void> {
    return this.#order(host, 'on', signal);
  }

  async #order(host: Named, action: 'off' | 'on', signal: AbortSignal): Promise<void> {
    const device = this.#need(host);
    const ended = await run(device, action, signal);
    if (ended.code !== 0) throw complaint(device, action, ended);
  }

  #find({ id, name }: Named): FenceDevice | undefined {
    return this.#devices.find(({ host }) => host === id || host === name);
  }

  #need(host: Named): FenceDevice {
    const device = this.#find(host);
    if (device === undefined) throw new FencingError(`no fencing device for ${host.name}`);
    return device;
  }
}

/** Rejects when the agent cannot be started, or has not ended in time; it is killed then. */
function run(device: FenceDevice, action: Action, signal: AbortSignal): Promise<Ended> {
  const { agent, timeoutSeconds } = device;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  return new Promise((resolve, reject) => {
    // What it needs is in its options; the daemon's own environment may hold secrets.
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' };
    const child = spawn(agent, [], { env, signal: limit, killSignal: 'SIGKILL' });
    const parts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text: string) => {
        parts[name] = (parts[name] + text).slice(0, LONGEST_OUTPUT);
      });
    }
    child.on('error', (error) => {
      const late = limit.aborted ? `no answer within ${timeoutSeconds} s` : error.message;
      reject(new FencingError(`${agent} of ${device.host}, ${action}: ${late}`));
    });
    child.on('close', (code) => resolve({ code, ...parts }));
    // An agent that has ended before it read its options says why itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(inputOf(device, action));
  });
}

function inputOf({ options, password }: FenceDevice, action: Action): string {
  const all = { ...options, ...(password === undefined ? {} : { password }), action };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** What the agent said last, without the password. */
function complaint(device: FenceDevice, action: Action, { code, stdout, stderr }: Ended) {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  const last = (lines.at(-1) ?? 'it said nothing').slice(0, LONGEST_COMPLAINT);
  const { password = '' } = device;
  const said = password === '' ? last : last.replaceAll(password, '***');
  return new FencingError(
    `${device.agent} of ${device.host}, ${action}: exit code ${code ?? 'none'}: ${said}`,
  );
}
