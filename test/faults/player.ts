// Role: a process that plays one seed after the other, for whoever hands them out. That it dies is
// told as what was wrong with its seed, and the next seed gets a new process.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

import type { Played, Wanted } from './play-seed.ts';
import { tellWanted } from './tell-wanted.ts';

const CHILD = join(import.meta.dirname, 'play-seed.ts');

export class Player {
  #child: ChildProcess | undefined;

  play(wanted: Wanted): Promise<Played> {
    const child = this.#child ?? fork(CHILD);
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<Played>();
    const onEnd = (code: number | null, signal: string | null): void => {
      this.#child = undefined;
      const how = signal ?? `exit code ${code}`;
      const text = `${tellWanted(wanted)}: WRONG: its process died (${how})`;
      resolve({ text, isWrong: true, isTakenOver: false });
    };
    child.once('exit', onEnd);
    child.once('message', (played) => {
      child.off('exit', onEnd);
      resolve(played as Played); // as play-seed.ts sends it
    });
    child.send(wanted);
    return promise;
  }

  dismiss(): void {
    this.#child?.disconnect();
  }
}
