// Role: the verbs against a running daemon: the demonstration, small and fast.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startDemo, type Demo } from '../../src/app/demo.ts';
import { writeCliAccess } from '../../src/app/state-folder.ts';
import { accessFileIn, demoAccessFile } from '../../src/cli/access.ts';
import type {
  CancelView,
  HostView,
  MigrationView,
  OrderView,
  StatusView,
  VmView,
} from '../../src/ports/api.ts';
import { parseFleet } from '../../src/config/fleet-file.ts';
import { cli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-demo-test-'));
const env = { XDG_STATE_HOME: folder };
let demo: Demo;

beforeAll(async () => {
  demo = await startDemo({
    hosts: 6,
    vms: 40,
    seed: 3,
    speed: 60,
    port: 0,
    accessFile: demoAccessFile(env),
    subscribe: () => undefined,
    tell: () => undefined,
  });
}, 60_000);

afterAll(async () => {
  await demo?.stop('test');
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function json<View>(...args: string[]): Promise<View> {
  const { code, out, err } = await cli([...args, '--json'], env);
  expect(err).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as View;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('the daemon, asked by its CLI', () => {
  it('finds it by itself, and shows status, hosts and VMs', async () => {
    const status = await json<StatusView>('status');
    expect(status).toMatchObject({ hosts: 6, vms: 40, paused: false });
    expect(new Set(Object.values(status.modes))).toEqual(new Set(['automatic']));
    expect(await json<HostView[]>('hosts')).toHaveLength(6);
    expect(await json<VmView[]>('vms')).toHaveLength(40);
    expect((await cli(['hosts'], env)).out).toMatch(/^HOST +CLUSTER +STATE/);
  });

  it('tells what it would take to empty a host, and orders nothing', async () => {
    const host = (await json<HostView[]>('hosts')).find(({ vms }) => vms > 2 && vms < 9);
    const args = ['maintenance', 'enter', host?.name ?? '', '--dry-run', '--deadline', '2h'];
    const { code, out } = await cli(args, env);
    expect([code, out]).toEqual([0, expect.stringMatching(/VMs leave in about .*have a place/)]);
    expect((await cli([...args.slice(0, 5), '1ms'], env)).code).toBe(1);
    expect((await cli([...args.slice(0, 5), 'soon'], env)).code).toBe(2);
    expect(await json<object>('evacuate', host?.name ?? '', '--dry-run')).toMatchObject({
      fits: true,
      deadlineSeconds: null,
    });
    expect(await demo.daemon.api.orders()).toEqual([]);
  });

  it('evacuates hosts, or a site, or a cluster: one of them, that is there', async () => {
    const [host] = await json<HostView[]>('hosts');
    const both = await cli(['evacuate', host?.name ?? '', '--site', 's'], env);
    expect([both.code, both.err]).toEqual([2, expect.stringMatching(/one of them/)]);
    expect((await cli(['evacuate'], env)).code).toBe(2);
    expect((await cli(['evacuate', '--site', 'nowhere', '--dry-run'], env)).code).toBe(2);
    const nobody = await cli(['return', '--cluster', host?.cluster ?? ''], env);
    expect([nobody.code, nobody.err]).toEqual([2, expect.stringMatching(/neither in maint/)]);
    const dry = await cli(['evacuate', '--cluster', host?.cluster ?? '', '--dry-run'], env);
    expect(dry.out).toMatch(/cannot leave|have a place/);
    expect(await demo.daemon.api.orders()).toEqual([]);
  });

  it('tells the groups of a rolling maintenance', async () => {
    const hosts = await json<HostView[]>('hosts');
    const names = hosts.slice(0, 2).map(({ name }) => name);
    const { code, out } = await cli(['maintenance', 'rolling', ...names, '--dry-run'], env);
    expect([code, out]).toEqual([0, expect.stringMatching(/^group 1: .*fits.*\ngroup 2: /)]);
    expect((await cli(['maintenance', 'rolling', ...names, '--batch', 'x'], env)).code).toBe(2);
    expect((await cli(['maintenance', 'status'], env)).out).toBe('none is under way\n');
    expect((await cli(['maintenance', 'resume', 'nobody'], env)).code).toBe(2);
  });

  it('empties a host for maintenance and brings its VMs home', async () => {
    const hosts = await json<HostView[]>('hosts');
    const host = hosts.find(({ vms }) => vms > 2 && vms < 9) ?? hosts[0];
    if (host === undefined) throw new Error('no host');
    const home = (await json<VmView[]>('vms', '--host', host.id)).map(({ id }) => id).sort();
    expect((await cli(['maintenance', 'enter', host.name], env)).out).toMatch(/enters maintenance/);
    expect((await cli(['maintenance', 'enter', host.name], env)).out).toMatch(/open already/);
    await until(async () => {
      const now = (await json<HostView[]>('hosts')).find(({ id }) => id === host.id);
      return now?.vms === 0 && now.state === 'maintenance' ? true : undefined;
    });
    expect((await cli(['maintenance', 'exit', host.name], env)).code).toBe(0);
    await until(async () => {
      const back = await json<VmView[]>('vms', '--host', host.id);
      return back
        .map(({ id }) => id)
        .sort()
        .join() === home.join()
        ? true
        : undefined;
    });
    const moves = await json<MigrationView[]>('migrations', '--limit', '200');
    const moved = new Set(moves.map(({ record }) => record.move.vm as string));
    for (const id of home) expect(moved.has(id)).toBe(true);
    const [first] = home;
    const history = await cli(['history', first ?? ''], env);
    expect(history.out).toContain(host.id);
  }, 120_000);

  it('locates a VM by asking the hosts, and explains it', async () => {
    const [vm] = await json<VmView[]>('vms');
    if (vm === undefined) throw new Error('no VM');
    expect((await cli(['locate', vm.name], env)).out).toContain(`running on`);
    const why = await cli(['why', vm.name], env);
    expect(why.out).toMatch(/could go to: /);
    expect(why.out).not.toContain(String.raw`\u000a`);
    expect((await cli(['why', vm.hostName], env)).out).toMatch(/rules:/);
  });

  it('shows the newest plan, and its id in the status', async () => {
    expect((await cli(['plan'], env)).code).toBe(0);
    expect((await cli(['status'], env)).out).toMatch(/^last plan \d+ moves? at .*, id \S+$/m);
  });

  it('says why a plan cannot be approved', async () => {
    const { code, err } = await cli(['approve', 'p-nobody'], env);
    expect(code).toBe(2);
    expect(err).toMatch(/no plan "p-nobody" waits for an approval\nhint: drover status/);
  });

  it('pauses and resumes', async () => {
    await cli(['pause'], env);
    expect(await json<StatusView>('status')).toMatchObject({ paused: true, pausedBy: 'cli' });
    await cli(['resume'], env);
    expect((await json<StatusView>('status')).paused).toBe(false);
  });

  it('saves a snapshot that can be planned offline', async () => {
    const file = join(folder, 'fleet.json');
    expect((await cli(['snapshot', 'save', file], env)).code).toBe(0);
    const fleet = parseFleet(readFileSync(file, 'utf8'), file, { assumeHeld: true });
    expect(fleet.ok && fleet.value.snapshot.vms.length).toBe(40);
    expect((await cli(['plan', '--fleet', file, '--json'], env)).code).toBe(0);
  });

  it('is found by its state folder, wherever that is', async () => {
    const stateDir = join(folder, 'drover');
    const config = join(folder, 'elsewhere.yaml');
    // The CLI's user need not be allowed to read the secrets of the daemon.
    const secret = '{ name: alerting, role: alert, tokenFile: /nowhere/token }';
    const text = `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${stateDir}\n`;
    writeFileSync(config, `${text}http: { tokens: [${secret}] }\n`);
    const away = { XDG_STATE_HOME: join(folder, 'nothing') };
    for (const [args, from] of [
      [['--config', config], away],
      [['--state', stateDir], away],
      [[], { ...away, DROVER_STATE_DIR: stateDir }],
      [['--server', demo.daemon.address ?? ''], env],
    ] as const) {
      expect((await cli(['pause', ...args], from)).err).toBe('');
      expect((await cli(['resume', ...args], from)).code).toBe(0);
    }
    const nowhere = await cli(['status', '--state', join(folder, 'nothing')], env);
    expect(nowhere.code).toBe(3);
    expect(nowhere.err).toMatch(/no daemon to ask in the state folder .*nothing\nhint: start it/);
    const both = await cli(['status', '--config', config, '--server', 'http://127.0.0.1:1'], env);
    expect([both.code, both.err]).toEqual([2, expect.stringMatching(/give one of them/)]);
  });

  it('asks which daemon is meant when there are several', async () => {
    const server = 'http://127.0.0.1:1';
    const file = accessFileIn(join(folder, 'drover'));
    writeCliAccess(file, { server, token: 'other', pid: process.pid });
    const { code, err } = await cli(['status'], env);
    rmSync(file);
    expect(code).toBe(2);
    expect(err).toContain(server);
    expect(err).toContain(demo.daemon.address);
    expect(err).toMatch(/hint: name the one that is meant with --server/);
  });

  it('orders nothing at all when one of several hosts is unknown', async () => {
    const [a, b] = await json<HostView[]>('hosts');
    // The order of a test before this one may not have been closed yet.
    const before = (await demo.daemon.api.orders()).map(({ id }) => id);
    const args = ['evacuate', a?.name ?? '', 'bad', b?.name ?? '', 'worse', '--json'];
    const { code, out, err } = await cli(args, env);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/no host has .*"bad", "worse"; nothing was ordered/);
    const after = (await demo.daemon.api.orders()).map(({ id }) => id);
    expect(before).toEqual(expect.arrayContaining(after));
  });

  it('tells what became of each host when an order fails for one of them', async () => {
    const [a, b] = await json<HostView[]>('hosts');
    const names = [a?.name ?? '', b?.name ?? ''];
    await cli(['maintenance', 'enter', names[1] ?? ''], env);
    const { code, out } = await cli(['maintenance', 'exit', ...names, '--json'], env);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject([
      { host: names[0], problem: { detail: expect.stringMatching(/neither/), exitCode: 2 } },
      { what: 'changed', order: { state: 'returning' } },
    ]);
  });

  it('stops what leaves a host, and says how to withdraw the order for it', async () => {
    const hosts = await json<HostView[]>('hosts');
    const name = hosts.toSorted((a, b) => b.vms - a.vms)[0]?.name ?? '';
    await cli(['evacuate', name], env);
    const { moves, notes } = await until(async () => {
      const { code, out } = await cli(['cancel', name, '--json'], env);
      return code === 0 ? (JSON.parse(out) as CancelView) : undefined;
    });
    expect(moves.length).toBeGreaterThan(0);
    expect(notes).toEqual([expect.stringMatching(`drover maintenance exit ${name}$`)]);
    const vm = moves.find(({ answer }) => answer === 'cancelled')?.vm ?? moves[0]?.vm ?? '';
    const history = await until(async () => {
      const { out } = await cli(['history', vm], env);
      return /cancelled by cli/.test(out) ? out : undefined;
    });
    expect(history).toMatch(/cancelled by cli/);
    await cli(['maintenance', 'exit', name], env);
    const nobody = await cli(['cancel', 'nobody'], env);
    expect([nobody.code, nobody.err]).toEqual([
      2,
      expect.stringMatching(/no open move, plan or order, no VM or host/),
    ]);
  }, 60_000);

  it('is well, says doctor', async () => {
    const { code, out } = await cli(['doctor'], env);
    expect(out).toMatch(/^ok +daemon +answers and is ready$/m);
    expect(code).toBe(0);
  });

  it('gives an order once to a host that is named twice', async () => {
    const [host] = await json<HostView[]>('hosts');
    const { name = '' } = host ?? {};
    const entered = await json<OrderView[]>('maintenance', 'enter', name, name);
    expect(entered.map(({ order }) => order?.host)).toEqual([host?.id]);
    const exited = await json<OrderView[]>('maintenance', 'exit', name, name);
    expect(exited.map(({ order }) => order?.state)).toEqual(['returning']);
  });

  it('never asks for something else than was named', async () => {
    for (const verb of ['pause', 'resume', 'cancel', 'exit']) {
      const { code, err } = await cli(['maintenance', verb, '..'], env);
      expect(`${verb} ${code} ${err}`).toMatch(/2 .*"\.\." names nothing/);
    }
    expect((await json<StatusView>('status')).paused).toBe(false);
  });

  it('ends a call as soon as somebody does not want to wait', async () => {
    const deaf = createServer(() => undefined);
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const { port } = deaf.address() as AddressInfo; // of a server that listens on TCP
    const stop = new AbortController();
    deaf.once('request', () => stop.abort());
    const args = ['status', '--server', `http://127.0.0.1:${port}`];
    const { code, err } = await cli(args, env, stop.signal);
    expect([code, err]).toEqual([3, expect.stringMatching(/stopped before .* answered/)]);
    deaf.closeAllConnections();
    await new Promise((resolve) => deaf.close(resolve));
  });

  it('does not print a token that cannot be one', async () => {
    const { code, err } = await cli(['status'], { ...env, DROVER_TOKEN: 'secret\nsecond' });
    expect([code, err]).toEqual([2, expect.stringMatching(/token has characters/)]);
    expect(err).not.toContain('second\n');
    expect(err).not.toContain('secret');
  });

  it('answers what is unknown with exit code 2 and where to look', async () => {
    const { code, err } = await cli(['why', 'nobody'], env);
    expect(code).toBe(2);
    expect(err).toMatch(/no VM or host .*"nobody"/);
    expect(err).toMatch(/hint: drover hosts/);
  });
});
