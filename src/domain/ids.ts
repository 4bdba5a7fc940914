/**
 * Branded identifiers. An id is an opaque, non-empty string; two kinds of id never mix, which the
 * compiler proves. Ids are compared by code unit (`<`), never by locale, so that every order that
 * is derived from them is the same on every machine.
 */

declare const brand: unique symbol;

/** A `Base` that only code which knows its meaning can make. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

export type HostId = Brand<string, 'HostId'>;
export type VmId = Brand<string, 'VmId'>;
export type ClusterId = Brand<string, 'ClusterId'>;
export type SiteId = Brand<string, 'SiteId'>;
export type StorageId = Brand<string, 'StorageId'>;
export type NetworkId = Brand<string, 'NetworkId'>;
/** One hypervisor connection or metric store, as named in the configuration. */
export type SourceId = Brand<string, 'SourceId'>;
export type FindingId = Brand<string, 'FindingId'>;
export type RuleId = Brand<string, 'RuleId'>;
export type MoveId = Brand<string, 'MoveId'>;
export type PlanId = Brand<string, 'PlanId'>;
export type OrderId = Brand<string, 'OrderId'>;

/** The longest id that is accepted; hypervisors' own limits are lower (libvirt UUIDs: 36). */
const LONGEST_ID = 256;

// Control characters would let an id forge lines in logs and terminals.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/u;

/** True for text that may serve as an id: 1 to 256 characters, none of them a control character. */
export function isIdText(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_ID && !CONTROL.test(text);
}

function makeId<Name extends string>(kind: Name): (text: string) => Brand<string, Name> {
  return (text) => {
    if (!isIdText(text)) throw new RangeError(`not a ${kind}: ${JSON.stringify(text)}`);
    return text as Brand<string, Name>;
  };
}

/** Constructors. Each throws RangeError on text that {@link isIdText} refuses. */
export const hostId = makeId('HostId');
export const vmId = makeId('VmId');
export const clusterId = makeId('ClusterId');
export const siteId = makeId('SiteId');
export const storageId = makeId('StorageId');
export const networkId = makeId('NetworkId');
export const sourceId = makeId('SourceId');
export const findingId = makeId('FindingId');
export const ruleId = makeId('RuleId');
export const moveId = makeId('MoveId');
export const planId = makeId('PlanId');
export const orderId = makeId('OrderId');

/** Ascending order by code unit, for `sort`. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
