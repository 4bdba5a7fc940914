/**
 * A move looks after its guest on two hosts. On any other one somebody may have started it since,
 * or moved it there: then it is started nowhere else, and nothing is removed that it may need.
 */

import type { LibvirtHost } from '../host.ts';
import { isUnanswered } from '../native/errors.ts';
import type { VmId } from '../../../src/domain/ids.ts';

/** Where the guest is more than defined, for people. Undefined: nowhere. */
export function seenElsewhere(
  vm: VmId,
  others: readonly LibvirtHost[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  return firstSaid(others, async (host) => {
    const { state } = (await host.sight(vm, signal)) ?? {};
    return state === undefined || state === 'defined'
      ? undefined
      : `${vm} is ${state} on ${host.id}`;
  });
}

/**
 * What the first host has to say, in their order; all are asked at once. Silence is for the
 * executor to judge, which knows what hosts are dead: it says nothing.
 */
export async function firstSaid(
  hosts: readonly LibvirtHost[],
  ask: (host: LibvirtHost) => Promise<string | undefined>,
): Promise<string | undefined> {
  const said = await Promise.all(hosts.map((host) => ask(host).catch(unlessSilent)));
  return said.find((one) => one !== undefined);
}

function unlessSilent(error: unknown): undefined {
  if (!isUnanswered(error)) throw error;
}
