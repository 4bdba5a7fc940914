/** Anything that reports metrics and health: hypervisor adapters and metric stores. */

import type { Result } from '../domain/result.ts';
import type { HealthSignal } from '../domain/host.ts';
import type { HostId, SourceId } from '../domain/ids.ts';
import type { Sample } from '../domain/measured.ts';

export interface HostHealth {
  readonly host: HostId;
  readonly signals: readonly HealthSignal[];
}

export interface Reading {
  readonly samples: readonly Sample[];
  readonly health: readonly HostHealth[];
  /** Parts that did not answer while others did ("h3: connection refused"); may be empty. */
  readonly problems: readonly string[];
}

export interface MetricSource {
  readonly source: SourceId;
  /**
   * One poll. Rejects with AdapterError when the source as a whole does not answer. Values are
   * passed on as the source gives them: judging them is the collector's business.
   */
  read(signal: AbortSignal): Promise<Reading>;
  close(): Promise<void>;
}

/** Kept apart from bugs: what an adapter's far end may do to us at any time. */
export const ADAPTER_ERROR_CODES = {
  unreachable: { retryable: true, hint: 'is it up, and is the address right?' },
  timeout: { retryable: true, hint: 'it answers too slowly, or hangs' },
  auth: { retryable: false, hint: 'check the credentials and the role of the account' },
  'not-found': { retryable: false, hint: 'the object is gone' },
  locked: { retryable: true, hint: 'another operation holds it (backup, snapshot, migration)' },
  refused: { retryable: false, hint: 'the hypervisor refused the operation' },
  unsupported: { retryable: false, hint: 'this hypervisor cannot do it' },
  protocol: { retryable: false, hint: 'it answered with something that was not understood' },
  lost: { retryable: true, hint: 'the connection broke in the middle' },
} as const;
export type AdapterErrorCode = keyof typeof ADAPTER_ERROR_CODES;

export class AdapterError extends Error {
  readonly code: AdapterErrorCode;
  readonly source: SourceId;

  constructor(code: AdapterErrorCode, source: SourceId, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'AdapterError';
    this.code = code;
    this.source = source;
  }

  get retryable(): boolean {
    return ADAPTER_ERROR_CODES[this.code].retryable;
  }
}

/** The outcome of an order to a hypervisor that it may well decline. */
export type Attempt = Result<
  undefined,
  { readonly code: AdapterErrorCode; readonly detail: string }
>;
