/** One line of `drover doctor`: what was looked at, how it is, and what to do about it. */

import { messageOf } from '../io.ts';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
}

export function good(check: string, detail: string): Finding {
  return { check, state: 'ok', detail };
}

export function warning(check: string, detail: string): Finding {
  return { check, state: 'warning', detail };
}

export function failed(check: string, detail: string): Finding {
  return { check, state: 'failed', detail };
}

export type Attempted<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly finding: Finding };

export async function attempt<Value>(
  check: string,
  work: () => Promise<Value>,
): Promise<Attempted<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, finding: failed(check, messageOf(error)) };
  }
}
