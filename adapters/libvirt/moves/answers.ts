/** How the outcome of an order is told: declined orders are returned, silence is thrown. */

import { adapterCodeOf, isUnanswered, messageOf, toAdapterError } from '../native/errors.ts';
import type { SourceId } from '../../../src/domain/ids.ts';
import { fail, ok } from '../../../src/domain/result.ts';
import type { AdapterErrorCode, Attempt } from '../../../src/ports/metric-source.ts';

export const DONE: Attempt = ok(undefined);

export function decline(code: AdapterErrorCode, detail: string): Attempt {
  return fail({ code, detail });
}

/** Runs an order; an error of libvirt's is an answer, a host that does not answer is none. */
export async function attempt(
  source: SourceId,
  what: string,
  order: () => Promise<Attempt>,
): Promise<Attempt> {
  try {
    return await order();
  } catch (error) {
    if (isUnanswered(error)) throw toAdapterError(source, what, error);
    return decline(adapterCodeOf(error), messageOf(error));
  }
}
