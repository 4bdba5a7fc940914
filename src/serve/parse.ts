/** Parses requests, so that their faults are told from those of the daemon. */

import { z } from 'zod';

/** The request does not fit its schema; the message is for the one who sent it. */
export class InvalidRequest extends Error {}

/** Enough to mend a request by; a body of a thousand faults is not answered with all of them. */
const LONGEST_DETAIL = 2_000;

/** Throws {@link InvalidRequest}. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidRequest(faultsText(parsed.error));
}

/** For the one who sent it. */
export function faultsText(error: z.ZodError): string {
  return z.prettifyError(error).slice(0, LONGEST_DETAIL);
}
