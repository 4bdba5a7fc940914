// Role: `drover doctor`: what is broken, or cannot start, is never told as well.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ledgerFileIn } from '../../src/app/state-folder.ts';
import { checkStart } from '../../src/cli/doctor/check-start.ts';
import { parseDaemonConfig } from '../../src/config/daemon.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Api, LeaseView, StatusView } from '../../src/ports/api.ts';
import { cli, type CliRun } from '../support/cli.ts';
import { manualClock } from '../support/manual-clock.ts';
import { quietServer } from '../support/quiet-server.ts';

const token = 'a-long-token-of-an-operator';

let folder: string;
let server: ReturnType<typeof quietServer>['server'] | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-doctor-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

function configWith(text = ''): string {
  const file = join(folder, 'drover.yaml');
  const head = `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'none')}\n`;
  writeFileSync(file, `${head}controller: { findOwnVm: false }\n${text}`);
  return file;
}

/** What doctor says of it, without the sources: `state check`. */
async function started(text: string): Promise<readonly string[]> {
  const file = configWith(text);
  const config = parseDaemonConfig(readFileSync(file, 'utf8'), file, {});
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const found = await checkStart(config.value);
  return found.map(({ state, check }) => `${state} ${check}`);
}

const TOKENS = [
  { name: 'anna', role: 'operator', token },
  { name: 'vera', role: 'viewer', token: 'a-long-token-of-a-viewer' },
] as const;

/** @param given the token that doctor has. */
async function ofDaemon(api: Partial<Api>, args: string[] = [], given = token): Promise<CliRun> {
  ({ server } = quietServer(api, TOKENS, '127.0.0.1'));
  const address = await server.listen({ port: 0 });
  return cli(['doctor', '--server', address, ...args], { DROVER_TOKEN: given });
}

const WELL = {
  sources: [],
  policyErrors: [],
  leases: [],
  ledger: { writable: true, detail: '' },
  rejectedPlan: null,
  paused: false,
} as Partial<StatusView> as StatusView;

const statusOf = (more: Partial<StatusView>): Partial<Api> => ({
  status: () => ({ ...WELL, ...more }),
});

const NOBODY = /^warning +daemon +no daemon to ask/m;

describe('doctor --config', () => {
  it('ends with 0 before the daemon runs, and with 1 where it could not start', async () => {
    const well = await cli(['doctor', '--config', configWith()]);
    expect(well).toMatchObject({ code: 0, out: expect.stringMatching(NOBODY) });
    const open = await cli(['doctor', '--config', configWith('http: { listen: "0.0.0.0:7466" }')]);
    expect(open).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^failed +http .*no viewer/m),
    });
  }, 60_000);

  it('fails on a daemon that runs and is not ready', async () => {
    const api = { readiness: () => ({ ready: false, reasons: ['no snapshot yet'] }) };
    const { code, out } = await ofDaemon(api, ['--config', configWith()]);
    expect([code, out]).toEqual([1, expect.stringMatching(/^failed +daemon +no snapshot yet$/m)]);
  });

  it('fails on a daemon that refuses its token', async () => {
    const { code, out } = await ofDaemon({}, ['--config', configWith()], 'a-token-of-nobody');
    expect([code, out]).toEqual([1, expect.stringMatching(/^failed +daemon .*not known/m)]);
  });

  it.each([
    [
      'a ledger that is not reached',
      'ledger: { url: "postgres://nobody@127.0.0.1:1/none" }',
      'ledger',
    ],
    ['an open address without tokens', 'http: { listen: "0.0.0.0:7466" }', 'http'],
    [
      'a hook without its program',
      'maintenance: { hooks: [{ name: patch, command: [/no/such/program] }] }',
      'hook',
    ],
    [
      'a hook that is a folder',
      'maintenance: { hooks: [{ name: patch, command: [/tmp] }] }',
      'hook',
    ],
  ])('fails on %s', async (_what, text, check) => {
    expect(await started(text)).toEqual(['ok state', `failed ${check}`]);
  });

  it('opens the ledger in the state folder, if there is one', async () => {
    const state = join(folder, 'none');
    mkdirSync(state);
    const opened = await openSqliteLedger({ file: ledgerFileIn(state), clock: manualClock() });
    await opened.close();
    expect(await started('')).toContain('ok ledger');
    writeFileSync(ledgerFileIn(state), 'no ledger at all, whatever its name');
    expect(await started('')).toContain('failed ledger');
  });

  it('finds the programs of hooks', async () => {
    const program = join(folder, 'patch');
    writeFileSync(program, '#!/bin/sh\n');
    const hooks = (command: string) =>
      `maintenance: { hooks: [{ name: p, command: [${command}] }] }`;
    expect(await started(hooks(program))).toContain('failed hook');
    chmodSync(program, 0o755);
    expect(await started(hooks(program))).toContain('ok hook');
    expect(await started(hooks('sh'))).toContain('ok hook');
    expect(await started(hooks('no-such-program'))).toContain('warning hook');
  });

  it('fails on names that no host or VM has, also where their device answers', async () => {
    const agent = join(folder, 'agent');
    writeFileSync(agent, '#!/bin/sh\necho "Status: ON"\n', { mode: 0o755 });
    const file = configWith(
      'sources: [{ id: lab, kind: simulated, hosts: 4, vms: 8, seed: 1 }]\n' +
        `fencing: [{ host: nobody, agent: ${agent}, options: {} }]\n` +
        'probes: [{ host: kvm-99, address: "127.0.0.1:1" }]\n' +
        'guestProbes: [{ vm: no-such-vm, address: "127.0.0.1:1" }]\n',
    );
    const { code, out } = await cli(['doctor', '--config', file]);
    expect(code).toBe(1);
    expect(out).toMatch(/^failed +fencing +fencing: no host is called nobody/m);
    expect(out).toMatch(/^failed +probes +probes: no host is called kvm-99/m);
    expect(out).toMatch(/^failed +guestProbes +guestProbes: no VM is called no-such-vm/m);
    expect(out).not.toMatch(/^ok +fencing/m);
  }, 60_000);

  it('finds the program that asks peers', async () => {
    const asks = (program: string) => `peerProbe: { command: [${program}, '{peer}', '{host}'] }`;
    expect((await started('')).join()).not.toContain('peerProbe');
    expect(await started(asks('sh'))).toContain('ok peerProbe');
    expect(await started(asks('no-such-program'))).toContain('warning peerProbe');
    expect(await started(asks('/no/such/program'))).toContain('failed peerProbe');
  });
});

const LEASE: LeaseView = { cluster: 'c1', holder: null, token: 3, mine: false, steppedBack: true };
const REJECTED = { id: 'p-1', at: 0, faults: ['h1 is too full'] };

describe('doctor, of a daemon that runs', () => {
  it('ends with 0 where it is well', async () => {
    const { code, out } = await ofDaemon(statusOf({ leases: [{ ...LEASE, steppedBack: false }] }));
    expect([code, out]).toEqual([0, expect.not.stringMatching(/failed|warning/)]);
  });

  it.each<[string, Partial<StatusView>, RegExp]>([
    ['the ledger', { ledger: { writable: false, detail: 'disk full' } }, /ledger .*disk full$/m],
    ['leases', { leases: [LEASE] }, /lease .*c1.*\n +hint: drover lease confirm c1$/m],
    ['plans', { rejectedPlan: REJECTED }, /plan .*p-1 .*\n +h1 is too full\n +hint: /m],
  ])('fails where %s keep it from acting', async (_what, status, told) => {
    const { code, out } = await ofDaemon(statusOf(status));
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^failed +${told.source}`, 'm')),
    ]);
  });
});
