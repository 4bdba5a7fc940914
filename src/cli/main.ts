/**
 * Entry of the `drover` process: signals, standard streams and the exit code. The only place that
 * ends the process.
 */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { EXIT, READER_GONE } from './io.ts';
import { runCli } from './program.ts';
import { openStreams, written } from './streams.ts';

/** How long a reader that takes nothing is waited for once Drover was asked to stop. */
const LAST_WORDS_MS = 2000;

const stop = new AbortController();
let signals = 0;

function onSignal(): void {
  signals += 1;
  stop.abort();
  // The first asks for a clean stop; somebody who asks twice means it.
  if (signals > 1) process.exit(130);
}

process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

let isOutputLost = false;

const { out, drained, err, log } = openStreams({
  stdout: process.stdout,
  stderr: process.stderr,
  onOutBroken(error) {
    stop.abort(READER_GONE);
    // `drover ... | head`: a reader that has read enough is not an error of ours.
    if (error.code === 'EPIPE') return;
    isOutputLost = true;
    process.exitCode = EXIT.unavailable;
    err(`drover: standard output cannot be written: ${error.message}\n`);
  },
});

const code = await runCli(process.argv.slice(2), {
  out,
  drained,
  err,
  log,
  env: process.env,
  isTty: process.stdout.isTTY === true,
  onHangup(listener) {
    process.on('SIGHUP', listener);
    return () => process.off('SIGHUP', listener);
  },
  stop: stop.signal,
});

// All is in order now. A call to a hypervisor that hangs in a thread of its own, or a migration
// that goes on without its client, is not waited for; what was printed is: for
// as long as it takes its reader, unless Drover was asked to stop.
const allWritten = Promise.all([written(process.stdout), written(process.stderr)]);
await Promise.race([allWritten, soonAfter(stop.signal)]);
process.exit(isOutputLost ? EXIT.unavailable : code);

async function soonAfter(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  await sleep(LAST_WORDS_MS);
}
