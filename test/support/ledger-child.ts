// Role: a process that uses the ledger and is killed by its parent (test/unit/ledger). It prints a
// line for every write whose promise resolved: those, and only those, were promised to be durable.
import { moveId } from '../../src/domain/ids.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { aRecord, aResult, aStage } from './ledger-records.ts';
import { manualClock } from './manual-clock.ts';

const [file = '', task = ''] = process.argv.slice(2);
const ledger = await openSqliteLedger({ file, clock: manualClock() });
process.stdout.write('open\n');

async function writeForEver(lane: number): Promise<void> {
  for (let index = 0; ; index += 1) {
    const id = `${lane}-${index}`;
    await ledger.openMove(aRecord(id, `vm ${lane}`));
    process.stdout.write(`opened ${id}\n`);
    await ledger.addStages([aStage(id, 'reservation', 'before')]);
    process.stdout.write(`staged ${id}\n`);
    await ledger.closeMove(moveId(id), aResult());
    process.stdout.write(`closed ${id}\n`);
  }
}

if (task === 'write') await Promise.all([1, 2, 3, 4].map((lane) => writeForEver(lane)));
else await new Promise((resolve) => setTimeout(resolve, 600_000));
