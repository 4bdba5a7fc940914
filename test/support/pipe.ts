// Role: a named pipe, which somebody may have left where files are looked for.
import { execFileSync } from 'node:child_process';

/** Throws where the system has no mkfifo. */
export function makePipe(path: string): void {
  // A program of the system, not of a package.
  const program = 'mkfifo';
  execFileSync(program, [path]);
}
