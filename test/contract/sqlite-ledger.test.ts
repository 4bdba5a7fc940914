// Role: the SQLite ledger passes the contract of every ledger.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { manualClock } from '../support/manual-clock.ts';
import { ledgerContract } from './ledger-contract.ts';
import { ledgerReaderContract } from './ledger-reader.ts';

for (const [name, inThread] of [
  ['sqlite', false],
  ['sqlite in a thread', true],
] as const) {
  ledgerContract(name, () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-ledger-'));
    const clock = manualClock(5000);
    return {
      open: () => openSqliteLedger({ file: join(folder, 'ledger.db'), clock, inThread }),
      dispose: () => Promise.resolve(rmSync(folder, { recursive: true })),
    };
  });
}
ledgerReaderContract('sqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-ledger-'));
  const file = join(folder, 'ledger.db');
  return {
    open: () => openSqliteLedger({ file, clock: manualClock(5000) }),
    place: async () => ({ kind: 'file', file }),
    config: async () => `stateDir: ${folder}`,
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});
