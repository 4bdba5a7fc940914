/** Entry of the `drover` process: signals, standard streams and the exit code. */

import { runCli } from './program.ts';

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
// `drover ... | head`: a reader that went away is not an error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  isTty: process.stdout.isTTY === true,
  stop: stop.signal,
});
