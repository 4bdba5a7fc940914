/** A hook that is a webhook: one POST with JSON; 2xx means that the work is done. */

import type { Seconds } from '../domain/units.ts';
import type { HookAnswer, HookCall } from '../ports/hooks.ts';
import { OUTPUT_KEPT } from './hook-command.ts';

export interface WebhookTarget {
  readonly url: string;
  readonly bearerToken: string | undefined;
}

export async function callWebhook(
  { url, bearerToken }: WebhookTarget,
  timeout: Seconds,
  call: HookCall,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (bearerToken !== undefined) headers['authorization'] = `Bearer ${bearerToken}`;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(call),
      // The token goes to the address that was configured, and nowhere else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout * 1000)]),
    });
    const text = await beginningOf(answer);
    const detail = answer.ok ? text : `HTTP ${answer.status}${text === '' ? '' : `: ${text}`}`;
    return { isDone: answer.ok, detail };
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === 'TimeoutError';
    const why = isLate ? `no answer within ${timeout} s` : reasonOf(error);
    return { isDone: false, detail: why };
  }
}

/** However much it sends. */
async function beginningOf(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of answer.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length >= OUTPUT_KEPT) break;
  }
  return text.slice(0, OUTPUT_KEPT).trim();
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
