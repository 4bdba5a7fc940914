// Role: every decision of a story, planned again from the ledger alone: the same bytes.
import { replay } from '../../src/app/replay.ts';
import { readLedger } from '../../src/ledger/ledger-reader.ts';

/** What could not be replayed; what a crash kept from being written is left out. */
export function replayFaults(file: string): Promise<readonly string[]> {
  return readLedger({ kind: 'file', file }, async (ledger) => {
    const faults: string[] = [];
    for (const { plan, result } of await ledger.decisions(10_000)) {
      const { inputs } = await ledger.replayable(plan);
      if (inputs === undefined) continue;
      const { same, differences } = replay(result, inputs);
      if (!same) faults.push(`${plan} is not replayed: ${JSON.stringify(differences[0])}`);
    }
    return faults;
  });
}
