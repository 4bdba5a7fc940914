/**
 * The records of failed hosts, in memory and in the ledger, and whose word counts. About a host of
 * its own a controller is the only one to write, so what it remembers is the newest. About every
 * other one the ledger is; and about one that it has just got, for a standby's memory is as old as
 * its last look.
 */

import { type HostFailureRecord, isSameFailure } from '../domain/host-failure.ts';
import type { ClusterId, HostId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import type { Ledger } from '../ports/ledger.ts';

type Store = Pick<Ledger, 'hostFailures' | 'putHostFailure' | 'removeHostFailure'>;

export class HostFailureBook {
  readonly #ledger: Store;
  /** Told of a host of which nothing is known any more. */
  readonly #forgotten: (host: HostId) => void;
  /** Whose lease it takes to write about the host; undefined: it was not seen yet. */
  readonly #scopeOf: (host: HostId) => ClusterId | undefined;
  readonly #records = new Map<HostId, HostFailureRecord>();
  /** Records that the ledger could not write. */
  readonly #unsaved = new Set<HostId>();
  /** Whose hosts they were at the last look. */
  #own: ReadonlySet<HostId> = new Set();

  constructor(
    ledger: Store,
    forgotten: (host: HostId) => void,
    scopeOf: (host: HostId) => ClusterId | undefined,
  ) {
    this.#ledger = ledger;
    this.#forgotten = forgotten;
    this.#scopeOf = scopeOf;
  }

  get all(): readonly HostFailureRecord[] {
    return [...this.#records.values()];
  }

  get(host: HostId): HostFailureRecord | undefined {
    return this.#records.get(host);
  }

  /**
   * Takes the ledger's word about every host: at the start, and when leases were taken. What could
   * not be written led to nothing, since a restart is begun only after its note is durable.
   */
  async load(): Promise<void> {
    await this.#read(() => false);
  }

  /**
   * What other controllers have written: about hosts that are not this one's, or were not at the
   * last look, and whether somebody has readmitted one of its own through them.
   */
  async follow(own: ReadonlySet<HostId>): Promise<void> {
    await this.#read((host) => own.has(host) && this.#own.has(host));
    this.#own = own;
  }

  /** In memory at once, so that who comes next goes on from it; on disk when it resolves. */
  async put(record: HostFailureRecord, line?: HistoryEntry): Promise<void> {
    this.#records.set(record.host, record);
    this.#unsaved.add(record.host);
    await this.#ledger.putHostFailure(record, { line, cluster: this.#scopeOf(record.host) });
    this.#unsaved.delete(record.host);
  }

  /** The same, where it says anything new. */
  async renew(record: HostFailureRecord): Promise<void> {
    const isNews = !isSameFailure(this.#records.get(record.host), record);
    if (isNews || this.#unsaved.has(record.host)) await this.put(record);
    else this.#records.set(record.host, record);
  }

  /**
   * The record as the ledger has it by now, for one act that somebody asked of this controller:
   * between its looks another one may have written. About a host of its own the memory is written
   * down first, where the ledger could not take it before.
   */
  async reread(host: HostId, isOwn: boolean): Promise<HostFailureRecord | undefined> {
    const known = this.#records.get(host);
    if (isOwn && known !== undefined && this.#unsaved.has(host)) await this.put(known);
    const records = await this.#ledger.hostFailures();
    const record = records.find((one) => one.host === host);
    if (record === undefined) this.#forget(host);
    else if (!isOwn || !this.#own.has(host)) this.#takeUp(record);
    return this.#records.get(host);
  }

  /** Whatever has been written about it: this controller alone writes, under its lease. */
  async remove(host: HostId, line: HistoryEntry): Promise<void> {
    await this.#ledger.removeHostFailure(host, line, { cluster: this.#scopeOf(host) });
    this.#forget(host);
  }

  /** The same, only where nobody has written anything else since it was read; else false. */
  async removeAsRead(
    record: HostFailureRecord,
    isOwn: boolean,
    line: HistoryEntry,
  ): Promise<boolean> {
    const { host } = record;
    // Anybody may be asked to readmit: of another one's host that nothing has changed is enough.
    const cluster = isOwn ? this.#scopeOf(host) : undefined;
    const isRemoved = await this.#ledger.removeHostFailure(host, line, { read: record, cluster });
    if (isRemoved) this.#forget(host);
    return isRemoved;
  }

  async #read(isNewestHere: (host: HostId) => boolean): Promise<void> {
    const records = await this.#ledger.hostFailures();
    const written = new Set(records.map(({ host }) => host));
    for (const id of this.#records.keys()) {
      const isYetToBeWritten = isNewestHere(id) && this.#unsaved.has(id);
      if (!written.has(id) && !isYetToBeWritten) this.#forget(id);
    }
    for (const record of records) {
      if (!isNewestHere(record.host)) this.#takeUp(record);
    }
  }

  #takeUp(record: HostFailureRecord): void {
    this.#records.set(record.host, record);
    this.#unsaved.delete(record.host);
  }

  #forget(host: HostId): void {
    this.#records.delete(host);
    this.#unsaved.delete(host);
    this.#forgotten(host);
  }
}
