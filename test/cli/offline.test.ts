// Role: verbs that need no daemon, as a person types them: exit codes, messages, the plan's form.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { historyText } from '../../src/cli/verbs/migrations.ts';
import { formatTable } from '../../src/cli/table.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { planOutputSchema } from '../../src/config/plan-output.ts';
import { planText } from '../../src/cli/plan-text.ts';
import { cli } from '../support/cli.ts';
import { manualClock } from '../support/manual-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-cli-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const CPU = { vendor: 'intel', model: 'Icelake-Server', features: ['avx', 'avx2'] };

/** Host h1 is at 95 %; h2 and h3 have room. */
function hotFleet(overrides: Record<string, unknown> = {}) {
  const vm = (id: string, host: string, cpu: number) => ({
    id,
    host,
    vcpus: 8,
    memory: '8GiB',
    cpuUsed: cpu,
  });
  return {
    apiVersion: 'drover/v1',
    kind: 'Fleet',
    takenAt: '2026-11-21T20:00:00Z',
    defaults: { cpu: CPU },
    hosts: ['h1', 'h2', 'h3'].map((id) => ({ id, cores: 16, memory: '64GiB' })),
    vms: [vm('a', 'h1', 7.6), vm('b', 'h1', 5), vm('c', 'h1', 2.6), vm('d', 'h2', 2)],
    ...overrides,
  };
}

describe('drover plan --fleet', () => {
  it('prints a plan in the documented form, and the same one every time', async () => {
    const fleet = file('hot.json', hotFleet());
    const first = await cli(['plan', '--fleet', fleet, '--json']);
    const again = await cli(['plan', '--fleet', fleet, '--json']);
    expect(first.code).toBe(0);
    const plan = planOutputSchema.parse(JSON.parse(first.out));
    expect(plan.moves.length).toBeGreaterThan(0);
    expect(plan.moves.every(({ from, to }) => from === 'h1' && to !== 'h1')).toBe(true);
    expect(plan.moves.map(({ reason }) => reason.text).join()).toContain('h1');
    expect(JSON.parse(again.out).moves).toEqual(plan.moves);
  });

  it('says in words what is moved and why', async () => {
    const { out } = await cli(['plan', '--fleet', file('hot.json', hotFleet())]);
    expect(out).toMatch(/\[optional\] .*h1.*cpu\.used\.ratio/);
    expect(out).toMatch(/VM +FROM +TO +METHOD/);
    expect(out).toMatch(/h1 +h[23] +pre-copy +optional/);
  });

  it('names what has a name, and says each reason once', async () => {
    const args = ['plan', '--fleet', file('names.json', hotFleet()), '--evacuate', 'h1', '--json'];
    const plan = planOutputSchema.parse(JSON.parse((await cli(args)).out));
    const text = planText(plan, new Map([['a', 'alpha']]));
    expect(text).toMatch(/^alpha +h1 /m);
    expect(text).not.toMatch(/^a +h1 /m);
    expect(text.match(/evacuation ordered/g)).toHaveLength(1);
  });

  it('lets no reason move the cursor or forge a line', async () => {
    const args = ['plan', '--fleet', file('evil.json', hotFleet()), '--evacuate', 'h1', '--json'];
    const plan = planOutputSchema.parse(JSON.parse((await cli(args)).out));
    const moves = plan.moves.map((move) => {
      return { ...move, reason: { ...move.reason, text: '\u001b[2Jall quiet\nh9 is down' } };
    });
    const text = planText({ ...plan, moves }, new Map());
    expect(text).toContain('(1) \\u001b[2Jall quiet\\u000ah9 is down\n');
  });

  it('says on lines of their own what stays open and why, not its own host', async () => {
    const fleet = { ...hotFleet(), hosts: [{ id: 'h1', cores: 16, memory: '64GiB' }] };
    const vms = fleet.vms.filter(({ host }) => host === 'h1');
    const path = file('alone.json', { ...fleet, vms });
    const { out } = await cli(['plan', '--fleet', path, '--evacuate', 'h1']);
    expect(out).toMatch(
      /^left open: VM a \(.+\)\n {2}.+stays on the host\n {2}because a cannot leave/m,
    );
    expect(out).not.toMatch(/same-host|\\u000a/);
  });

  it('moves nothing in a calm fleet, and says so', async () => {
    const calm = hotFleet({ vms: [{ id: 'a', host: 'h1', vcpus: 2, memory: '4GiB', cpuUsed: 1 }] });
    const { code, out } = await cli(['plan', '--fleet', file('calm.json', calm)]);
    expect(code).toBe(0);
    expect(out).toMatch(/nothing to do/);
  });

  it('takes values as one sample with --no-assume-held: too little to act on', async () => {
    const args = ['plan', '--fleet', file('hot.json', hotFleet()), '--no-assume-held', '--json'];
    const { code, out } = await cli(args);
    expect([code, JSON.parse(out).moves]).toEqual([0, []]);
  });

  it('shows what emptying a host would take, mission-critical first', async () => {
    const critical = hotFleet();
    Object.assign(critical.vms[2] ?? {}, { criticality: 'mission-critical' });
    const fleet = file('critical.json', critical);
    const { out } = await cli(['plan', '--fleet', fleet, '--evacuate', 'h1', '--json']);
    const moves = planOutputSchema.parse(JSON.parse(out)).moves;
    const mandatory = moves.filter(({ tier }) => tier === 'mandatory');
    expect(mandatory.map(({ vm }) => vm).sort()).toEqual(['a', 'b', 'c']);
    expect(mandatory[0]?.vm).toBe('c');
  });

  it.each([
    ['no such file', '/nowhere/fleet.json', /cannot read the fleet file/],
    ['no JSON', file('broken.json', '{"apiVersion": '), /broken\.json:1:\d+ /],
    ['a VM on no host', file('lost.json', hotFleet({ hosts: [] })), /lost\.json:\d+:\d+ .*h1/],
  ])('refuses %s with the place and exit code 2', async (_what, path, message) => {
    const { code, err } = await cli(['plan', '--fleet', path]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('names the line of a mistake in a policy', async () => {
    const policy = file('policy.yaml', 'apiVersion: drover/v1\nkind: Policy\nrulez: []\n');
    const args = ['plan', '--fleet', file('hot.json', hotFleet()), '--policy', policy];
    const { code, err } = await cli(args);
    expect(code).toBe(2);
    expect(err).toMatch(/policy\.yaml:3:1 .*rulez/);
  });
});

describe('the command line', () => {
  it.each([
    [['nonsense'], 2],
    [['plan', '--seed', 'x', '--fleet', file('hot2.json', hotFleet())], 2],
    [['history', '--limit', '0'], 2],
    [['status', '--server', 'no-url'], 2],
    [['demo', '--for', '99999999h'], 2],
    [['plan', '--evacuate', 'h1'], 2],
    [['plan', '--policy', 'p.yaml'], 2],
    [['plan', '--fleet', 'f.json', '--config', 'c.yaml'], 2],
    [['--help'], 0],
    [['evacuate', '--help'], 0],
    [['--version'], 0],
  ])('%j ends with %d', async (args, code) => {
    expect((await cli(args)).code).toBe(code);
  });

  it('says what to start when no daemon answers, and ends with 3', async () => {
    const { code, err } = await cli(['status'], { DROVER_SERVER: 'http://127.0.0.1:1' });
    expect(code).toBe(3);
    expect(err).toMatch(/no daemon answers at http:\/\/127\.0\.0\.1:1/);
    expect(err).toMatch(/drover run/);
  });

  it('lets no name forge a line or move the cursor', async () => {
    expect(formatTable(['a\u001b[2J\nh9'], [{ title: 'VM', cell: (name) => name }])).toBe(
      'VM\na\\u001b[2J\\u000ah9\n',
    );
    const entry = { at: epochSeconds(0), kind: 'move', text: 'x\u001b]0;\u0007\ny' } as const;
    const about = { vm: undefined, host: undefined, from: undefined, move: undefined };
    expect(historyText([{ ...entry, ...about }])).toBe(
      '1970-01-01 00:00:00  x\\u001b]0;\\u0007\\u000ay\n',
    );
  });

  it('says without a stack that another daemon has the state folder', async () => {
    const config = file(
      'twice.yaml',
      `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'taken')}\n` +
        'sources: [{ id: sim, kind: simulated, hosts: 2, vms: 2 }]\n',
    );
    const clock = manualClock();
    mkdirSync(join(folder, 'taken'));
    const ledger = await openSqliteLedger({ file: join(folder, 'taken', 'ledger.db'), clock });
    const { code, err } = await cli(['run', '--config', config]);
    await ledger.close();
    expect(code).toBe(3);
    expect(err).toMatch(/^drover: cannot run: the state folder .* is in use[^\n]*\n$/);
  });

  it('gives an example for every verb', async () => {
    const { out } = await cli(['--help']);
    const verbs = [...out.matchAll(/^ {2}([a-z]+)(?: \[| <)/gm)].map(([, verb]) => verb ?? '');
    expect(verbs).toEqual(expect.arrayContaining(['run', 'demo', 'plan', 'why', 'doctor']));
  });

  it('checks a simulated source with doctor', async () => {
    const config = file(
      'drover.yaml',
      `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'not', 'yet')}\n` +
        'sources: [{ id: sim, kind: simulated, hosts: 3, vms: 12 }]\n',
    );
    const before = readdirSync(folder).toSorted();
    const { code, out } = await cli(['doctor', '--config', config, '--json']);
    // It only looks.
    expect(readdirSync(folder).toSorted()).toEqual(before);
    expect(JSON.parse(out)).toContainEqual({ check: 'source', state: 'ok', detail: 'sim answers' });
    expect(code).toBe(0);
  });

  it('asks each fencing device with doctor, and says which does not answer', async () => {
    const agent = file('fence_on', '#!/bin/sh\necho "Status: ON"\n');
    chmodSync(agent, 0o755);
    const config = file(
      'fenced.yaml',
      `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'not', 'yet')}\n` +
        'sources: [{ id: sim, kind: simulated, hosts: 3, vms: 12 }]\n' +
        `fencing:\n  - { host: host-01, agent: ${agent} }\n` +
        '  - { host: host-02, agent: /nowhere/fence_none }\n',
    );
    const { code, out } = await cli(['doctor', '--config', config]);
    expect(out).toMatch(/^ok +fencing +host-01: its device says that the power is on$/m);
    expect(out).toMatch(
      /^failed +fencing +\/nowhere\/fence_none of host-02, status: .*\n +hint: /m,
    );
    expect(code).toBe(1);
  });

  it('says once what is down, what to do about it, and ends with 1', async () => {
    const config = file(
      'down.yaml',
      `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'down.yaml')}\n` +
        'sources:\n  - id: kvm\n    kind: libvirt\n' +
        '    hosts: [{ id: h1, uri: "qemu+unix:///system?socket=/nowhere/sock", cluster: c }]\n',
    );
    const { code, out } = await cli(['doctor', '--config', config]);
    expect(code).toBe(1);
    expect(out).toMatch(/^failed +source +kvm is down: /m);
    expect(out.match(/kvm|h1/g)).toHaveLength(2);
    expect(out).toMatch(/hint: is its service up.*adapters\/libvirt\/README/);
    expect(out).toMatch(/^failed +state +.*down\.yaml is no folder$/m);
  }, 60_000);

  it('fails when there is no daemon, and nothing else to look at', async () => {
    // Not at the default address, where somebody may run one.
    const { code, out } = await cli(['doctor', '--state', join(folder, 'nobody')]);
    expect(out).toMatch(/^failed +daemon +no daemon to ask .*\n +hint: start it/m);
    expect(code).toBe(1);
  });

  it('plans live sources by the policies that their configuration names', async () => {
    file('own.yaml', 'apiVersion: drover/v1\nkind: Policy\nrulez: []\n');
    const config = file(
      'own-drover.yaml',
      `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'state')}\n` +
        'policies: [own.yaml]\nsources: [{ id: sim, kind: simulated, hosts: 2, vms: 4 }]\n',
    );
    const { code, err } = await cli(['plan', '--config', config]);
    expect(err).toMatch(/own\.yaml:3:1 .*rulez/);
    expect(code).toBe(2);
  }, 60_000);

  it('lists all mistakes in the options of sources before it opens any', async () => {
    const config = file(
      'wrong.yaml',
      'apiVersion: drover/v1\nkind: Daemon\nsources:\n' +
        '  - { id: a, kind: cloud }\n  - { id: b, kind: simulated, hosts: many }\n',
    );
    const { code, err } = await cli(['plan', '--config', config]);
    expect(code).toBe(2);
    expect(err).toMatch(/unknown kind cloud; expected libvirt, simulated/);
    expect(err).toMatch(/\(b\)\.hosts/);
  });
});
