// Role: brings a lab up to play with, by hand: `node test/system/lab/up.ts [--id play] [--hosts 3]
// [--guests 3]`. It stays until down.ts takes it away.
import { parseArgs } from 'node:util';

import { startLab } from './lab.ts';

const { values } = parseArgs({
  options: {
    id: { type: 'string', default: 'play' },
    hosts: { type: 'string', default: '3' },
    guests: { type: 'string', default: '3' },
  },
});

const hosts = Number(values.hosts);
const guests = Array.from({ length: Number(values.guests) }, (_, index) => ({
  name: `vm${index + 1}`,
  labels: { tier: index === 0 ? 'gold' : 'bronze' },
}));
const lab = await startLab({ id: values.id, hosts, guests, keep: true });
for (const host of lab.hosts) {
  console.log(`host ${host.number}: ${host.name}`);
  console.log(`  control:   virsh -c '${host.uri}'`);
  console.log(`  migration: ${host.peerUri}`);
  console.log(`  guests:    ${host.qemuGuests().join(' ') || 'none'}`);
}
console.log(`consoles: ${lab.host(1).consoleDir}/*.log`);
console.log(`down:     node ${import.meta.dirname}/down.ts --id ${lab.id}`);
