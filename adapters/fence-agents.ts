/**
 * The `Fencing` port over the fence agents that distributions ship (package fence-agents): one
 * program per kind of device. Options go in on its standard input as `name=value` lines, so that no
 * password is ever seen in a list of processes; the action is among them.
 *
 * Of `status` an agent says "Status: ON" with exit code 0, or "Status: OFF" with 2. The code alone
 * is not believed: 2 is also what agents exit with when they do not understand an option.
 */

import type { Host } from '../src/domain/host.ts';
import { assertNever } from '../src/domain/result.ts';
import { type Fencing, FencingError, type PowerStatus } from '../src/ports/fencing.ts';
import { type ProgramEnd, runProgram } from './program.ts';

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
async function run(device: FenceDevice, action: Action, signal: AbortSignal): Promise<ProgramEnd> {
  const { agent, timeoutSeconds } = device;
  const program = {
    command: [agent],
    env: { LC_ALL: 'C' },
    input: inputOf(device, action),
    timeoutSeconds,
    // Whatever it has started is to switch nothing later on, also where the agent itself has died.
    endsGroup: true,
    graceSeconds: 0,
    outputKept: LONGEST_OUTPUT,
  };
  const ended = await runProgram(program, signal);
  const failed = failureOf(ended, timeoutSeconds);
  if (failed === undefined) return ended;
  throw new FencingError(`${agent} of ${device.host}, ${action}: ${failed}`);
}

function failureOf({ how, problem }: ProgramEnd, timeoutSeconds: number): string | undefined {
  switch (how) {
    case 'ended':
      return undefined;
    case 'late':
      return `no answer within ${timeoutSeconds} s`;
    case 'given-up':
      return 'not waited for';
    case 'not-started':
      return problem;
    default:
      return assertNever(how, 'end of a program');
  }
}

function inputOf({ options, password }: FenceDevice, action: Action): string {
  const all = { ...options, ...(password === undefined ? {} : { password }), action };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** What the agent said last, without the password. */
function complaint(device: FenceDevice, action: Action, { code, output }: ProgramEnd) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const last = (lines.at(-1) ?? 'it said nothing').slice(0, LONGEST_COMPLAINT);
  const { password = '' } = device;
  const said = password === '' ? last : last.replaceAll(password, '***');
  return new FencingError(
    `${device.agent} of ${device.host}, ${action}: exit code ${code ?? 'none'}: ${said}`,
  );
}
