/**
 * libvirt's errors and what they mean to the port. A LibvirtError stays inside this adapter; what
 * leaves it is an AdapterError (cannot be asked) or an Attempt (was asked and declined).
 */

import { ERROR } from './constants.ts';
import type { ErrorReport } from './library.ts';
import { AdapterError, type AdapterErrorCode } from '../../../src/ports/metric-source.ts';
import type { SourceId } from '../../../src/domain/ids.ts';

export class LibvirtError extends Error {
  /** virErrorNumber, 0 where libvirt gave none. */
  readonly code: number;
  /** The connection itself is gone, whatever the code says. */
  readonly lost: boolean;

  constructor(code: number, message: string, lost: boolean) {
    super(message);
    this.name = 'LibvirtError';
    this.code = code;
    this.lost = lost;
  }
}

/** No connection came about: whatever libvirt says of it, the host was not asked. */
export class ConnectError extends LibvirtError {
  constructor(code: number, message: string) {
    super(code, message, false);
    this.name = 'ConnectError';
  }
}

/** A call that gave no answer in time. It may still be carried out. */
export class CallTimeout extends Error {
  /** Settles when libvirt has given the thread of the call back. */
  readonly settled: Promise<unknown>;

  constructor(message: string, settled: Promise<unknown> = Promise.resolve()) {
    super(message);
    this.name = 'CallTimeout';
    this.settled = settled;
  }
}

const CODES: Readonly<Record<number, AdapterErrorCode>> = {
  [ERROR.noSupport]: 'unsupported',
  [ERROR.configUnsupported]: 'unsupported',
  [ERROR.argumentUnsupported]: 'unsupported',
  [ERROR.operationUnsupported]: 'unsupported',
  [ERROR.noConnect]: 'unreachable',
  [ERROR.rpc]: 'unreachable',
  [ERROR.gnutls]: 'unreachable',
  [ERROR.ssh]: 'unreachable',
  [ERROR.libssh]: 'unreachable',
  [ERROR.noDomain]: 'not-found',
  [ERROR.noStoragePool]: 'not-found',
  [ERROR.noStorageVolume]: 'not-found',
  [ERROR.authFailed]: 'auth',
  [ERROR.authCancelled]: 'auth',
  [ERROR.authUnavailable]: 'auth',
  [ERROR.accessDenied]: 'auth',
  [ERROR.denied]: 'auth',
  [ERROR.operationTimeout]: 'locked',
  [ERROR.blockCopyActive]: 'locked',
  [ERROR.resourceBusy]: 'locked',
  [ERROR.xml]: 'protocol',
};

/** What only opening a connection, or losing one, brings about. */
const OF_CONNECTING: ReadonlySet<number> = new Set([
  ERROR.noConnect,
  ERROR.system,
  ERROR.rpc,
  ERROR.gnutls,
  ERROR.ssh,
  ERROR.libssh,
  ERROR.authFailed,
  ERROR.authCancelled,
  ERROR.authUnavailable,
]);
/** What opening one may bring about, beside much else. */
const OF_MUCH: ReadonlySet<number> = new Set([
  ERROR.internal,
  ERROR.noSupport,
  ERROR.operationFailed,
  ERROR.configUnsupported,
  ERROR.accessDenied,
]);

/**
 * Why a connection could not be opened, out of all that libvirt reported meanwhile, the newest
 * last: calls of other connections failed at the same time. One that names the host is its own.
 */
export function connectError(uri: string, reports: readonly ErrorReport[]): ConnectError {
  const host = hostIn(uri);
  const sure = reports.filter(({ code }) => OF_CONNECTING.has(code));
  const own = sure.findLast(({ message }) => host !== undefined && message.includes(host));
  const likely = own ?? sure.at(-1) ?? reports.findLast(({ code }) => OF_MUCH.has(code));
  return new ConnectError(likely?.code ?? ERROR.noConnect, likely?.message ?? 'cannot connect');
}

function hostIn(uri: string): string | undefined {
  const host = /^[^/]*:\/\/(?:[^/@]*@)?([^/?#]+)/.exec(uri)?.[1];
  return host?.replace(/^\[|\]?(?::\d+)?$/g, '');
}

/** The port's code of any error that comes out of a call. */
export function adapterCodeOf(error: unknown): AdapterErrorCode {
  if (error instanceof AdapterError) return error.code;
  if (error instanceof CallTimeout) return 'timeout';
  if (!(error instanceof LibvirtError)) return 'protocol';
  if (error.lost) return 'lost';
  if (error instanceof ConnectError) return CODES[error.code] === 'auth' ? 'auth' : 'unreachable';
  // The connection stands: over there a system call failed (no such bridge, no such file), which is
  // an answer.
  if (error.code === ERROR.system) return 'refused';
  // libvirt has no code of its own for "another job holds the domain".
  if (error.code === ERROR.operationInvalid && /another migration job/.test(error.message)) {
    return 'locked';
  }
  return CODES[error.code] ?? 'refused';
}

/** The far end could not be asked, or what it did is not known: not an answer. */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof ConnectError) return true;
  const code = adapterCodeOf(error);
  return code === 'timeout' || code === 'lost' || code === 'unreachable';
}

export function isLibvirtError(error: unknown, code: number): boolean {
  return error instanceof LibvirtError && error.code === code && !error.lost;
}

export function toAdapterError(source: SourceId, where: string, error: unknown): AdapterError {
  if (error instanceof AdapterError) return error;
  return new AdapterError(adapterCodeOf(error), source, `${where}: ${messageOf(error)}`, error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
