/** Following what a daemon does goes on over its restart: some looks in a row may fail. */

import { CliError, EXIT } from './io.ts';

/** In a row: with a second between them, longer than a restart takes. */
export const MOST_FAILED = 60;

interface Around {
  readonly stop: AbortSignal;
  /** Between two looks. */
  readonly pause: () => Promise<void>;
  /** Told the first failure of a row. */
  readonly tell: (failure: string) => void;
}

/** Undefined: stopped. Rejects with what is no outage, and with the last failure of too many. */
export async function askAgain<View>(
  ask: () => Promise<View>,
  { stop, pause, tell }: Around,
): Promise<View | undefined> {
  for (let failed = 0; !stop.aborted; failed += 1) {
    try {
      return await ask();
    } catch (error) {
      if (stop.aborted) return undefined;
      const isOutage = error instanceof CliError && error.exitCode === EXIT.unavailable;
      if (!isOutage || failed + 1 >= MOST_FAILED) throw error;
      if (failed === 0) tell(error.message);
    }
    await pause();
  }
  return undefined;
}
