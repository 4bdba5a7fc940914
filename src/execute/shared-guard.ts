/**
 * The restart guard in many hands. Where half of a fleet has died, every restart asks for the power
 * of the same few hosts, and a fencing device that many ask at once refuses most of them. So each
 * host is asked for once at a time: who comes while a question is under way waits for the next one,
 * and shares it with all who came meanwhile. No answer is to a question from before its asker came.
 */

import type { HostId } from '../domain/ids.ts';
import type { RestartGuard } from './restart-guard.ts';

type Answer = Promise<string | undefined>;

export function sharedGuard(guard: RestartGuard): RestartGuard {
  const underWay = new Map<HostId, Answer>();
  const next = new Map<HostId, Answer>();

  function ask(host: HostId): Answer {
    const answer = guard.objection(host).finally(() => underWay.delete(host));
    underWay.set(host, answer);
    return answer;
  }

  async function askAfter(before: Answer, host: HostId): Answer {
    // How that ends is for those who asked.
    await before.catch(() => undefined);
    next.delete(host);
    return ask(host);
  }

  function objection(host: HostId): Answer {
    const shared = next.get(host);
    if (shared !== undefined) return shared;
    const before = underWay.get(host);
    if (before === undefined) return ask(host);
    const after = askAfter(before, host);
    next.set(host, after);
    return after;
  }

  return {
    isDead: (host) => guard.isDead(host),
    objection,
    note: (host, vm) => guard.note(host, vm),
    leftOn: (vm) => guard.leftOn(vm),
  };
}
