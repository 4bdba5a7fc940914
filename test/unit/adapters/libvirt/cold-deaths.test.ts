// Role: whatever call a cold move is at when its controller dies, or an answer is lost: its guest
// is never started twice, and in the end it runs, on one host, which is told of no move any more.
import { AsyncLocalStorage } from 'node:async_hooks';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { seconds } from '../../../../src/domain/units.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { ORDER, Scene, SIGNAL } from './cold-scene.ts';
import type { GuestSession } from './fake-guest.ts';
import { diskXml } from './fake-host.ts';
import { options } from './samples.ts';

/** What happens at one call: its controller dies, or lives on without an answer. */
interface Blow {
  readonly at: number;
  readonly dies: boolean;
  /** Whether the host carries it out. */
  readonly comes: 'never' | 'at once' | 'late';
}

/** How long the guest takes to shut down. */
const SHUTDOWN_SECONDS = seconds(1.5);
/** After the next look at the guest. */
const LATE_SECONDS = seconds(8);
const NEVER = new Promise<never>(() => undefined);

/** A controller: all that it has begun ends with it. */
interface Life {
  isOver: boolean;
}
const lives = new AsyncLocalStorage<Life>();

class Story {
  readonly clock = manualClock();
  readonly scene: Scene;
  calls: string[] = [];
  /** The guest ran in two places at a time. */
  isTwice = false;
  #died = Promise.withResolvers<'died'>();
  readonly #blows: readonly Blow[];

  constructor(devices: string, blows: readonly Blow[] = []) {
    this.#blows = blows;
    this.scene = new Scene(devices, devices === '' ? [] : ['a.img']);
    this.scene.source.obeys = false;
    for (const session of [this.scene.source, this.scene.target]) this.#strike(session);
  }

  /** As the executor would: asks how it goes, and does what follows from it. */
  async play(): Promise<string> {
    let end = await this.#live(async (mover) => {
      await mover.start(ORDER, this.scene, SIGNAL).catch(() => undefined);
      return this.#follow(mover);
    });
    // Another one takes the move up.
    while (end === 'died') end = await this.#live((mover) => this.#follow(mover));
    return end;
  }

  #live(task: (mover: Mover) => Promise<string>): Promise<string> {
    this.#died = Promise.withResolvers();
    const life = lives.run({ isOver: false }, () => task(new Mover(options(), this.clock)));
    return this.clock.until(Promise.race([life, this.#died.promise]), 3000);
  }

  async #follow(mover: Mover): Promise<string> {
    for (;;) {
      const end = await this.#round(mover).catch(() => undefined);
      if (end !== undefined) return end;
      await this.clock.sleep(seconds(5));
    }
  }

  async #round(mover: Mover): Promise<string | undefined> {
    const { source, target } = this.scene;
    const job = await mover.job(ORDER, this.scene, SIGNAL);
    if (job.kind === 'running') return undefined;
    if (target.running) {
      const done = await mover.commit(ORDER, this.scene, SIGNAL);
      return done.ok ? 'arrived' : undefined;
    }
    const isBack = source.running;
    const done = await mover.cleanUp(ORDER, this.scene, SIGNAL);
    return isBack && done.ok ? 'stayed' : undefined;
  }

  #strike(session: GuestSession): void {
    for (const kind of ['int', 'pointer', 'text'] as const) {
      const call = session[kind].bind(session) as (...all: unknown[]) => Promise<never>;
      const struck = (name: string, ...args: unknown[]): Promise<unknown> =>
        this.#happen(name, () => this.#carryOut(name, () => call(name, ...args), session));
      Object.assign(session, { [kind]: struck });
    }
  }

  async #carryOut(name: string, call: () => Promise<never>, at: GuestSession): Promise<unknown> {
    const answer = await call();
    if (name === 'virDomainShutdownFlags') {
      void this.clock.sleep(SHUTDOWN_SECONDS).then(() => {
        at.running = false;
        return undefined;
      });
    }
    this.isTwice ||= this.scene.source.running && this.scene.target.running;
    return answer;
  }

  async #happen(name: string, call: () => Promise<unknown>): Promise<unknown> {
    const life = lives.getStore();
    if (life?.isOver === true) return NEVER;
    const index = this.calls.length;
    this.calls.push(name);
    const blow = this.#blows.find(({ at }) => at === index);
    if (blow === undefined) return call();
    if (blow.comes === 'at once') await call();
    if (blow.comes === 'late')
      void this.clock
        .sleep(LATE_SECONDS)
        .then(call)
        .catch(() => undefined);
    if (!blow.dies) throw new LibvirtError(38, 'broken pipe', true);
    if (life !== undefined) life.isOver = true;
    this.#died.resolve('died');
    return NEVER;
  }
}

async function told(
  devices: string,
  blows: readonly Blow[],
  name: string,
): Promise<string | undefined> {
  const story = new Story(devices, blows);
  const end = await story.play().catch(String);
  // What was asked for may still come.
  await story.clock.pass(300);
  const { source, target } = story.scene;
  const up = [source.running, target.running];
  const notes = [source.note, target.note];
  const isWell = !story.isTwice && up[0] !== up[1] && (end === 'arrived') === up[1];
  // What is noted late harms nobody: a later move writes it over.
  const isTidy =
    blows.some(({ comes }) => comes === 'late') || notes.every((note) => note === undefined);
  if (isWell && isTidy && !end.startsWith('Error')) return undefined;
  const twice = story.isTwice ? 'TWICE' : '';
  const what = `${JSON.stringify(blows)} ${name}: ${end} ${twice}`;
  return `${what} ${JSON.stringify(up)} ${notes.join(' | ')}`;
}

describe.each([
  ['on the same disks', ''],
  ['with its disks', diskXml({})],
])('a cold move %s', (_what, devices) => {
  it.each([
    ['controller dies before the call', true, 'never'],
    ['controller dies after the call', true, 'at once'],
    ['controller dies, and the call comes late', true, 'late'],
    ['call is lost', false, 'never'],
    ['answer is lost', false, 'at once'],
    ['answer is lost, and the call comes late', false, 'late'],
  ] as const)('loses no guest whose %s, whichever it is', async (_how, dies, comes) => {
    const plain = new Story(devices);
    expect(await plain.play()).toBe('arrived');
    const wrong: string[] = [];
    for (const [at, name] of plain.calls.entries()) {
      const one = await told(devices, [{ at, dies, comes }], name);
      if (one !== undefined) wrong.push(one);
    }
    expect(wrong).toEqual([]);
  });

  it('loses no guest where one controller after the other dies, or gets no answer', async () => {
    const blow = fc.record({
      after: fc.integer({ min: 1, max: 80 }),
      dies: fc.boolean(),
      comes: fc.constantFrom('never', 'at once'),
    });
    const blows = fc.array(blow, { minLength: 2, maxLength: 4 }).map((list) => {
      let at = 20;
      return list.map(({ after, ...rest }) => ({ ...rest, at: (at += after) }));
    });
    const holds = fc.asyncProperty(blows, async (all) => {
      expect(await told(devices, all, '')).toBeUndefined();
    });
    await fc.assert(holds, { numRuns: 25 });
  });
});
