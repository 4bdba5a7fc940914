/**
 * Why a call to the daemon has no answer, told so that nobody acts twice: only where nothing can
 * have been sent is it said that no daemon is there. All else may have been taken, and done.
 */

import { nobodyHint, type StateFolder } from './access.ts';
import { CliError, EXIT, messageOf } from './io.ts';

/** Nobody is there to be asked; nothing was sent. */
export class NoDaemonError extends CliError {
  constructor(message: string, state: StateFolder) {
    super(EXIT.unavailable, message, nobodyHint(state));
    this.name = 'NoDaemonError';
  }
}

export interface UnansweredCall {
  readonly method: 'GET' | 'POST';
  readonly server: string;
  readonly state: StateFolder;
  /** The person does not wait any longer. */
  readonly isStopped: boolean;
}

const UNKNOWN = 'whether it does what it was asked is not known';
const LOOK_FIRST = 'look before you ask again: drover status, drover history';

export function unanswered(call: UnansweredCall, error: unknown): CliError {
  const { method, server, state, isStopped } = call;
  const isOrder = method === 'POST';
  const unknown = isOrder ? `: ${UNKNOWN}` : '';
  const hint = isOrder ? LOOK_FIRST : '';
  if (isStopped)
    return new CliError(EXIT.unavailable, `stopped before ${server} answered${unknown}`, hint);
  const why = messageOf(error);
  if (isNothingSent(error)) {
    const where = `no daemon answers at ${server} (${why})`;
    return new NoDaemonError(`${where}; state folder ${state.folder}`, state);
  }
  return new CliError(EXIT.unavailable, `no answer from ${server} (${why})${unknown}`, hint);
}

/** Of node and undici, before a connection stands. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What fetch rejects with keeps the reason in its cause; several addresses give several. */
function isNothingSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const reasons: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  return reasons.length > 0 && reasons.every(isNotConnected);
}

function isNotConnected(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false;
  // Ports that fetch itself refuses (1, 22, …); its specification gives this no code.
  if (reason.message === 'bad port') return true;
  if ('syscall' in reason && reason.syscall === 'connect') return true;
  return 'code' in reason && typeof reason.code === 'string' && NOT_CONNECTED.has(reason.code);
}
