// Role: takes labs down: `node test/system/lab/down.ts [--id play]`, or `--all` of this machine.
import { parseArgs } from 'node:util';

import { takeDown } from './lab.ts';
import { knownLabs } from './lab-record.ts';

const { values } = parseArgs({
  options: { id: { type: 'string', default: 'play' }, all: { type: 'boolean', default: false } },
});

for (const id of values.all ? knownLabs() : [values.id]) {
  await takeDown(id);
  console.log(`lab ${id}: down`);
}
