/** What drover.yaml names: do the devices of hosts answer, and does the fleet have such names? */

import type { StrangeName } from '../../app/config-notes.ts';
import type { RulesInForce } from '../../app/policy-store.ts';
import type { DaemonConfig } from '../../config/daemon.ts';
import { hostId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Fencing } from '../../ports/fencing.ts';
import { attempt, failed, type Finding, good, warning } from './finding.ts';

type Device = DaemonConfig['fencing'][number];

/** @param snapshot undefined: no fleet is known to compare the names with. */
export async function checkNamed(
  config: DaemonConfig,
  snapshot: Snapshot | undefined,
  rules: RulesInForce | undefined,
): Promise<readonly Finding[]> {
  const { powerOf } = await import('../../app/build-sources.ts');
  const { strangeNames, unfencedNotes } = await import('../../app/config-notes.ts');
  const { fencing } = powerOf(config);
  const strange = snapshot === undefined ? [] : strangeNames(config, snapshot);
  const hosts = snapshot?.hosts ?? [];
  const bare = rules === undefined ? [] : unfencedNotes(rules.policies.hostFailure, hosts, fencing);
  const power = config.fencing.map((device) => checkPower(device, fencing, strange));
  return [
    ...(await Promise.all(power)).flat(),
    ...strange.map(({ list, text }) => failed(list, text)),
    ...bare.map((note) => warning('fencing', note)),
  ];
}

/** Asks the device for the power of its host; switches nothing. */
async function checkPower(
  { host, timeoutSeconds }: Device,
  fencing: Fencing | undefined,
  strange: readonly StrangeName[],
): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const power = await attempt('fencing', async () =>
    fencing?.status({ id: hostId(host), name: host }, signal),
  );
  if (!power.ok) return [{ ...power.finding, hint: FENCING_HINT }];
  // What it answers is about no host of this fleet.
  if (strange.some(({ list, name }) => list === 'fencing' && name === host)) return [];
  return [good('fencing', `${host}: its device says that the power is ${power.value}`)];
}

const FENCING_HINT = 'until it answers, nothing of this host is restarted should it die';
