/**
 * What the moves of one VM have left on hosts, by the ledger: read once for all hosts that are
 * asked about, and kept while a move of the VM goes on, for meanwhile there is no other.
 */

import type { HostId, MoveId, VmId } from '../domain/ids.ts';
import type { HistoryEntry, MoveRecord } from '../domain/journal.ts';
import type { Ledger } from '../ports/ledger.ts';

/** Lines of the VM, newest first, looked at for all hosts together: most decide at once. */
const MOST_LINES = 200;
/** The same between the VM and one host, where those do not reach back far enough. */
const MOST_OF_HOST = 50;

export class VmPast {
  readonly #ledger: Pick<Ledger, 'history' | 'move'>;
  readonly #vm: VmId;
  readonly #records = new Map<MoveId, MoveRecord | undefined>();
  readonly #holds = new Map<HostId, boolean>();
  #lines: readonly HistoryEntry[] | undefined;

  constructor(ledger: Pick<Ledger, 'history' | 'move'>, vm: VmId) {
    this.#ledger = ledger;
    this.#vm = vm;
  }

  /**
   * Whether the host may have the VM defined: a move has taken it there, or may have, and none has
   * taken it away since. Rejects with LedgerError, and knows as much as before.
   */
  async mayBeOn(host: HostId): Promise<boolean> {
    const known = this.#holds.get(host);
    if (known !== undefined) return known;
    const holds = await this.#read(host);
    this.#holds.set(host, holds);
    return holds;
  }

  async #read(host: HostId): Promise<boolean> {
    const vm = this.#vm;
    this.#lines ??= await this.#ledger.history({ vm, movesOnly: true, limit: MOST_LINES });
    const about = this.#lines.filter((line) => line.host === host || line.from === host);
    const told = await this.#decide(about, host);
    if (told !== undefined || this.#lines.length < MOST_LINES) return told ?? false;
    const asked = { vm, host, movesOnly: true, limit: MOST_OF_HOST } as const;
    const older = await this.#ledger.history(asked);
    // Who has not read to the end does not know.
    return (await this.#decide(older, host)) ?? older.length === MOST_OF_HOST;
  }

  /** By the newest line that tells; undefined: none does. */
  async #decide(lines: readonly HistoryEntry[], host: HostId): Promise<boolean | undefined> {
    for (const { move: id } of lines) {
      const record = id === undefined ? undefined : await this.#record(id);
      const isLeft = record && isLeftOn(record, host);
      if (isLeft !== undefined) return isLeft;
    }
    return undefined;
  }

  async #record(id: MoveId): Promise<MoveRecord | undefined> {
    if (!this.#records.has(id)) this.#records.set(id, await this.#ledger.move(id));
    return this.#records.get(id);
  }
}

/** Whether the host had the VM when the move had ended. Undefined: it does not tell. */
function isLeftOn({ move, stages, result }: MoveRecord, host: HostId): boolean | undefined {
  const isTarget = move.to === host;
  if (isTarget && result?.remains === true) return true;
  if (stages.every(({ stage }) => stage !== 'pre-copy')) return undefined;
  switch (result?.outcome) {
    case 'succeeded':
      return isTarget;
    case 'failed':
    case 'cancelled':
    case 'skipped':
      // Its target was seen clean, or has remains.
      return !isTarget;
    case 'needs-human':
    case undefined:
      return true;
  }
}
