// Role: memory that libvirt reads by its address is held, and lives, as long as the call.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it } from 'vitest';

import { whileKept } from '../../../../adapters/libvirt/native/kept.ts';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void; // V8's, which has no type

/** WeakRefs hold what they were asked for until the turn is over. */
async function collected(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    collect();
  }
}

/** Nobody else holds the memory. */
function begun(task: () => Promise<unknown>): { memory: WeakRef<object>; end: Promise<unknown> } {
  const buffer = new Uint8Array(10_000);
  return { memory: new WeakRef(buffer), end: whileKept(buffer, task) };
}

it('is not collected while libvirt reads it, and is after that', async () => {
  const answer = Promise.withResolvers<number>();
  const { memory, end } = begun(() => answer.promise);
  await collected();
  expect(memory.deref() !== undefined).toBe(true);
  answer.resolve(1);
  expect(await end).toBe(1);
  await collected();
  expect(memory.deref() === undefined).toBe(true);
});

it('is given free also when the call fails', async () => {
  const { memory, end } = begun(() => Promise.reject(new Error('declined')));
  await expect(end).rejects.toThrow('declined');
  await collected();
  expect(memory.deref() === undefined).toBe(true);
});
