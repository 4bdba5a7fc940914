/**
 * A move looks after its guest on two hosts. On any other one somebody may have started it since,
 * or moved it there: then it is started nowhere else, and nothing is removed that it may need.
 */

import type { LibvirtHost } from '../host.ts';
import { isUnanswered } from '../native/errors.ts';
import type { VmId } from '../../../src/domain/ids.ts';

/** The guest is off meanwhile: who has not answered by then is not waited for. */
const LOOK_SECONDS = 2;

/**
 * Where the guest is more than defined, for people. Undefined: nowhere, as far as is told soon. A
 * host that declines to tell is silent, too: it is no reason to leave a guest off for good.
 */
export async function seenElsewhere(
  vm: VmId,
  others: readonly LibvirtHost[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), LOOK_SECONDS * 1000);
  // Not broken off: that would cost a host which is only busy its connection.
  const look = async (host: LibvirtHost): Promise<string | undefined> => {
    const { state } = (await host.sight(vm, signal)) ?? {};
    return state === undefined || state === 'defined'
      ? undefined
      : `${vm} is ${state} on ${host.id}`;
  };
  const soon = (host: LibvirtHost): Promise<string | undefined> =>
    Promise.race([look(host).catch(() => undefined), late.promise]);
  return firstSaid(others, soon).finally(() => clearTimeout(timer));
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
