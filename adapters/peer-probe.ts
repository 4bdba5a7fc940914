/**
 * The `PeerProbe` port by a command of the operator's, run for each peer: say `ssh PEER ping HOST`.
 * 0 says that the peer reaches the host, 1 that it does not; anything else says nothing: ssh ends
 * with 255 where the peer itself is not reached, a shell with 127 where there is no ping.
 *
 * Names go in as arguments, without a shell of Drover's own. But ssh joins its arguments and gives
 * them to a shell at the far end: so only names are used that no shell, and no option parser, can
 * take for anything else.
 */

import type { Host } from '../src/domain/host.ts';
import type { PeerAnswer, PeerProbe } from '../src/ports/peer-probe.ts';
import { type ProgramEnd, runProgram } from './program.ts';

export interface PeerCommand {
  /** Run without a shell; `{peer}` and `{host}` stand for the names, in any argument. */
  readonly command: readonly string[];
  /** How many hosts are asked about one at most; 2 or more. */
  readonly peers: number;
  /** Of one question; its process group is killed then. */
  readonly timeoutSeconds: number;
}

type Named = Pick<Host, 'id' | 'name'>;

const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,252}$/;
const REACHES = 0;
const DOES_NOT_REACH = 1;
/** Of the last line that the command has said, for people. */
const LONGEST_COMPLAINT = 120;

export class PeerCommandProbe implements PeerProbe {
  readonly #options: PeerCommand;

  constructor(options: PeerCommand) {
    this.#options = options;
  }

  get peers(): number {
    return this.#options.peers;
  }

  covers({ name }: Named): boolean {
    return PLAIN_NAME.test(name);
  }

  async ask(peer: Named, host: Named, signal: AbortSignal): Promise<PeerAnswer> {
    const odd = [peer, host].find((one) => !this.covers(one));
    if (odd !== undefined) return unknown(`${odd.name} is no plain host name`);
    if (signal.aborted) return unknown('not asked');
    const { command, timeoutSeconds } = this.#options;
    const names = { peer: peer.name, host: host.name };
    const program = {
      command: command.map((argument) => filled(argument, names)),
      env: {},
      timeoutSeconds,
      graceSeconds: 0,
      outputKept: LONGEST_COMPLAINT,
    };
    try {
      return answerOf(await runProgram(program, signal), timeoutSeconds);
    } catch (error) {
      return unknown(error instanceof Error ? error.message : String(error));
    }
  }
}

/** All at once: what a name brings in is not looked through again. */
function filled(argument: string, names: Readonly<Record<'peer' | 'host', string>>): string {
  return argument.replaceAll(/\{(?:peer|host)\}/g, (found) =>
    found === '{peer}' ? names.peer : names.host,
  );
}

function answerOf(ended: ProgramEnd, timeoutSeconds: number): PeerAnswer {
  const { how, code, by, output, problem } = ended;
  if (how === 'late') return unknown(`no answer within ${timeoutSeconds} s`);
  if (how === 'given-up') return unknown('not waited for');
  if (how === 'not-started') return unknown(`cannot be started: ${problem}`);
  if (code === REACHES) return { kind: 'reaches' };
  if (code === DOES_NOT_REACH) return { kind: 'does-not-reach' };
  const last = output.split('\n').at(-1) ?? '';
  return unknown(`ended with ${code ?? by ?? '?'}${last === '' ? '' : ` (${last.trim()})`}`);
}

function unknown(detail: string): PeerAnswer {
  return { kind: 'unknown', detail };
}
