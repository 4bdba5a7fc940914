/** What libvirt is told to do in a live move. */

import {
  autostartOf,
  isPersistent,
  xmlOf,
  type Domain,
  type MigratedDisks,
  type MigrationParams,
} from '../calls/domain.ts';
import { planCopies, type DiskCopy } from '../disks/disk-plan.ts';
import { notedCopy, relocationOf } from '../disks/volumes.ts';
import type { LibvirtHost } from '../host.ts';
import { MIGRATE, XML } from '../native/constants.ts';
import type { LibvirtOptions } from '../options.ts';
import { cpuRefusal } from '../precheck.ts';
import { relocateDisks } from '../xml/relocate.ts';
import { makeReady } from './ready.ts';
import { definitionOf, type Ends } from './settle.ts';
import type { HypervisorKind } from '../../../src/domain/host.ts';
import { MIB } from '../../../src/domain/units.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import type { AdapterErrorCode } from '../../../src/ports/metric-source.ts';

/** What the way of moving depends on, apart from the order. */
export interface MoveTerms extends Pick<LibvirtOptions, 'tls'> {
  readonly kind: HypervisorKind;
}

/**
 * Peer to peer: the source's daemon leads, so the move does not depend on Drover's life. The
 * definition goes along: stored on the target, removed from the source, by libvirt itself.
 *
 * libvirt's Xen driver refuses a move with any flag that it does not know (LIBXL_MIGRATION_FLAGS).
 * Of those it gets tls all the same: a move that was to be encrypted is better refused.
 */
export function migrationFlags(
  order: MoveOrder,
  persistent: boolean,
  { tls, kind }: MoveTerms,
): number {
  const { live, peerToPeer, persistTarget, undefineSource } = MIGRATE;
  let flags = live | peerToPeer;
  if (kind !== 'xen') flags |= MIGRATE.abortOnError;
  if (persistent) flags |= persistTarget | undefineSource;
  if (tls) flags |= MIGRATE.tls;
  if (order.autoConverge) flags |= MIGRATE.autoConverge;
  if (order.allowPostCopy || order.method === 'post-copy') flags |= MIGRATE.postCopy;
  return flags;
}

/** libvirt counts in MiB/s; less than one is one. */
export function mibPerSecond(bandwidth: number): number {
  return Math.max(1, Math.round(bandwidth / MIB));
}

/** Undefined: none is told. The Xen driver refuses the parameter. */
export function bandwidthFor(
  { bandwidth }: Pick<MoveOrder, 'bandwidth'>,
  { kind }: Pick<MoveTerms, 'kind'>,
): number | undefined {
  return bandwidth === undefined || kind === 'xen' ? undefined : mibPerSecond(bandwidth);
}

/** What a live move is begun with, or why it cannot be. */
export type LiveStart =
  | { readonly kind: 'ready'; readonly params: MigrationParams }
  | { readonly kind: 'refused'; readonly code: AdapterErrorCode; readonly detail: string };

/**
 * Everything that has to be there before libvirt is told: the note, and the volumes of disks that
 * are copied. Should the start fail after that, `cleanUp` takes it back.
 */
export async function prepareLiveMove(
  order: MoveOrder,
  ends: Ends,
  options: Pick<LibvirtOptions, 'tls'>,
  signal?: AbortSignal,
): Promise<LiveStart> {
  const { from, to } = ends;
  const refusal = await cpuRefusal(order, ends, signal);
  if (refusal !== undefined) return { kind: 'refused', code: 'refused', detail: refusal };
  const { copies, objections } = await planCopies(order, ends, signal);
  if (objections.length > 0) {
    return {
      kind: 'refused',
      code: 'refused',
      detail: objections.map(({ detail }) => detail).join('; '),
    };
  }
  await makeReady(order, ends, { copies, autostart: keptAutostart }, signal);
  const telling = async (domain: Domain): Promise<MigrationParams> => {
    const persistent = await isPersistent(domain);
    const { kind } = from.identity;
    const flags = migrationFlags(order, persistent, { ...options, kind });
    return {
      targetUri: to.migrateUri,
      dataUri: to.identity.own.dataUri,
      tlsName: options.tls ? to.identity.own.tlsName : undefined,
      bandwidthMibPerSecond: bandwidthFor(order, { kind }),
      flags: copies.length === 0 ? flags : flags | MIGRATE.copyDisks,
      disks: copies.length === 0 ? undefined : await migratedDisks(domain, copies, to),
    };
  };
  const params = await from.onDomain(order.vm, 'preparing', telling, signal ? { signal } : {});
  if (params !== undefined) return { kind: 'ready', params };
  return { kind: 'refused', code: 'not-found', detail: `${order.vm} left ${from.id}` };
}

/** libvirt takes the definition along, but not autostart: the note does. */
async function keptAutostart(domain: Domain): Promise<boolean> {
  return (await isPersistent(domain)) && (await autostartOf(domain));
}

async function migratedDisks(
  domain: Domain,
  copies: readonly DiskCopy[],
  to: LibvirtHost,
): Promise<MigratedDisks> {
  const relocations = copies.map((copy) => relocationOf(notedCopy(copy, to.id)));
  const live = await xmlOf(domain, XML.secure | XML.migratable);
  const stored = (await isPersistent(domain)) ? await definitionOf(domain) : undefined;
  const { disksUri, dataUri } = to.identity.own;
  return {
    names: copies.map(({ dev }) => dev),
    liveXml: relocateDisks(live, relocations),
    storedXml: stored === undefined ? undefined : relocateDisks(stored, relocations),
    uri: disksUri ?? dataUri,
  };
}
