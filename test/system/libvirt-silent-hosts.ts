// Role: a process with the real libvirt.so.0 whose hosts accept connections and say nothing, as
// daemons that are stopped do. Says what the healthy host, the file system and DNS had to say then.
import dns from 'node:dns/promises';
import fs from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';

import { domainsOf } from '../../adapters/libvirt/calls/node.ts';
import { HostLink } from '../../adapters/libvirt/host-link.ts';

/** What each of them said. */
export type SilentReport = Readonly<Record<'known' | 'file' | 'name', string>>;

const LIMITS = { callSeconds: 1, keepAlive: { intervalSeconds: 1, count: 2 } };
const LANES = ['control', 'inventory', 'statistics'] as const;
const PATIENCE_MILLISECONDS = 5000;

const server = createServer();
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
const { port } = server.address() as AddressInfo; // of a TCP server
const uri = `qemu+tcp://127.0.0.1:${port}/system`;
const silent = Array.from({ length: Number(process.argv[2]) }, () => new HostLink(uri, LIMITS));
const healthy = new HostLink('test:///default', LIMITS);
await healthy.use('control', 'looking', domainsOf);
for (let round = 0; round < 3; round += 1) {
  const all = silent.flatMap((one) => LANES.map((lane) => one.use(lane, 'looking', domainsOf)));
  await Promise.allSettled(all);
}

async function told(answer: Promise<unknown>): Promise<string> {
  const late = new Promise<string>((resolve) => {
    setTimeout(resolve, PATIENCE_MILLISECONDS, 'no answer');
  });
  return Promise.race([answer.then(() => 'answered', String), late]);
}

const report: SilentReport = {
  known: await told(healthy.use('inventory', 'looking', domainsOf)),
  file: await told(fs.readFile('/etc/hostname')),
  name: await told(dns.lookup('localhost')),
};
process.stdout.write(JSON.stringify(report), () => process.exit(0));
