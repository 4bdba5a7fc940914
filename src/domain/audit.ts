/**
 * The audit trail: what Drover decided and did, and who told it to, one entry after the other.
 * Every entry carries the hash of the one before it, so nothing in the middle can be changed,
 * taken out or exchanged without a break that shows. The chain itself is made by the ledger.
 */

export const AUDIT_KINDS = [
  'decision',
  'move-opened',
  'move-stage',
  'move-closed',
  'order',
  'approval',
  'cancel',
  'pause',
  'observed',
  'host-state',
  'host-failure',
  'fencing',
  'breaker-reset',
  'lease-taken',
  'lease-released',
  'lease-stopped',
  'lease-confirmed',
  'pruned',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** What is to be told; it gets its place in the chain when it is written. */
export interface AuditNote {
  readonly kind: AuditKind;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A place in the chain: everything up to the entry `seq` is vouched for by `hash`. */
export interface AuditHead {
  /** 0: nothing was written yet. */
  readonly seq: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
}

/** One entry as it is stored. */
export interface AuditEntry extends AuditHead {
  /** Seconds since 1970, as far as nobody tampered with it: it is read as it is stored. */
  readonly at: number;
  /** An {@link AuditKind}, as far as nobody tampered with it. */
  readonly kind: string;
  /** JSON, to the byte as it was hashed. */
  readonly body: string;
  /** The hash of the entry before. */
  readonly prev: string;
}

/**
 * The first thing that is wrong with a trail; `record-changed`: the trail is whole, but a record of
 * the ledger is not what the entry tells of it.
 */
export interface AuditFault {
  readonly seq: number;
  readonly what: 'changed' | 'missing' | 'misplaced' | 'cut-off' | 'record-changed';
  /** For people. */
  readonly text: string;
}

export interface AuditVerdict {
  /** How many entries were read. */
  readonly entries: number;
  /** The first that is kept; 0: there is none. */
  readonly first: number;
  /** The last that is there. */
  readonly head: AuditHead;
  /** Undefined: nothing is wrong, as far as can be known. */
  readonly fault: AuditFault | undefined;
}
