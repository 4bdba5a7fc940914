/**
 * Standard output and standard error, which may break at any time: a reader goes away, a disk is
 * full. A verb that prints for a reader is then asked to stop. A daemon is not: as other daemons
 * do, it goes on without its reader, and its log goes on to standard error; only when that breaks,
 * too, nobody can tell any more what it does, and it has to end.
 */

import type { Writable } from 'node:stream';

/** Where the log of a daemon goes. */
export interface LogOutput {
  readonly write: (text: string) => void;
  /** Aborted when nothing takes the log any more. */
  readonly lost: AbortSignal;
}

export interface Streams {
  /** For the reader of standard output. */
  readonly out: (text: string) => void;
  /** Resolves when its reader has taken all that was printed with `out`, or is gone. */
  readonly drained: () => Promise<void>;
  readonly err: (text: string) => void;
  readonly log: LogOutput;
}

export interface StreamsParts {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Called once, when what was printed with `out` could not be written. */
  readonly onOutBroken: (error: NodeJS.ErrnoException) => void;
}

export function openStreams({ stdout, stderr, onOutBroken }: StreamsParts): Streams {
  // Each write learns of its own failure; without a listener the first one would end the process.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  let isOutBroken = false;
  return {
    out(text) {
      stdout.write(text, (error) => {
        if (!isFailure(error) || isOutBroken) return;
        isOutBroken = true;
        onOutBroken(error);
      });
    },
    drained: () => written(stdout),
    err: (text) => void stderr.write(text),
    log: lastingLog(stdout, stderr),
  };
}

/** Resolves when all that was written before is, or can be written no more. */
export function written(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

function lastingLog(stdout: Writable, stderr: Writable): LogOutput {
  const lost = new AbortController();
  let isMoved = false;
  function toStderr(text: string): void {
    stderr.write(text, (error) => {
      if (isFailure(error)) lost.abort();
    });
  }
  function moveOver(error: Error): void {
    if (isMoved) return;
    isMoved = true;
    toStderr(`drover: standard output is gone (${error.message}): the log goes on here\n`);
  }
  return {
    lost: lost.signal,
    write(text) {
      if (isMoved) {
        toStderr(text);
        return;
      }
      stdout.write(text, (error) => {
        if (!isFailure(error)) return;
        moveOver(error);
        // What could not be written is not lost.
        toStderr(text);
      });
    },
  };
}

function isFailure(error: Error | null | undefined): error is Error {
  return error instanceof Error;
}
