/** What libvirt is told to do in a live move. */

import { autostartOf, isPersistent, type Domain, type MigrationParams } from '../calls/domain.ts';
import type { LibvirtHost } from '../host.ts';
import { MIGRATE } from '../native/constants.ts';
import type { LibvirtOptions } from '../options.ts';
import { leaveNote } from './note.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import { MIB } from '../../../src/domain/units.ts';

/**
 * Peer to peer: the source's daemon leads, so the move does not depend on Drover's life. The
 * definition goes along: stored on the target, removed from the source, by libvirt itself.
 */
export function migrationFlags(
  order: MoveOrder,
  persistent: boolean,
  options: Pick<LibvirtOptions, 'tls'>,
): number {
  const { live, peerToPeer, persistTarget, undefineSource, abortOnError } = MIGRATE;
  let flags = live | peerToPeer | abortOnError;
  if (persistent) flags |= persistTarget | undefineSource;
  if (options.tls) flags |= MIGRATE.tls;
  if (order.autoConverge) flags |= MIGRATE.autoConverge;
  if (order.allowPostCopy || order.method === 'post-copy') flags |= MIGRATE.postCopy;
  return flags;
}

/** libvirt counts in MiB/s; less than one is one. */
export function mibPerSecond(bandwidth: number): number {
  return Math.max(1, Math.round(bandwidth / MIB));
}

export async function migrationParams(
  domain: Domain,
  order: MoveOrder,
  to: LibvirtHost,
  options: Pick<LibvirtOptions, 'tls'>,
): Promise<MigrationParams> {
  const persistent = await isPersistent(domain);
  return {
    targetUri: to.migrateUri,
    dataUri: to.identity.own.dataUri,
    bandwidthMibPerSecond:
      order.bandwidth === undefined ? undefined : mibPerSecond(order.bandwidth),
    flags: migrationFlags(order, persistent, options),
  };
}

/** libvirt takes the definition along, but not autostart: the note does. */
export async function noteAutostart(domain: Domain, order: MoveOrder): Promise<void> {
  if (!(await isPersistent(domain)) || !(await autostartOf(domain))) return;
  await leaveNote(domain, { move: order.move, to: order.to, autostart: true });
}
