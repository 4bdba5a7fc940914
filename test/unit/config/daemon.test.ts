// Role: drover.yaml: defaults, paths, secrets, mistakes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import {
  defaultDaemonConfig,
  defaultStateDir,
  loadDaemonConfig,
  parseDaemonConfig,
} from '../../../src/config/daemon.ts';
import { formatProblem } from '../../../src/config/problem.ts';

const HEAD = 'apiVersion: drover/v1\nkind: Daemon\n';
const ENV = { XDG_STATE_HOME: '/state', API_TOKEN: 'from-env' };

function good(body: string) {
  const config = parseDaemonConfig(HEAD + body, '/etc/drover/drover.yaml', ENV);
  if (!config.ok) throw new Error(config.error.map(formatProblem).join('\n'));
  return config.value;
}

function bad(body: string): string {
  const config = parseDaemonConfig(HEAD + body, 'drover.yaml', ENV);
  return config.ok ? '' : config.error.map(formatProblem).join('\n');
}

describe('drover.yaml', () => {
  it('needs nothing', () => {
    const config = good('');
    expect(config).toEqual(defaultDaemonConfig(ENV));
    expect(config).toMatchObject({
      stateDir: '/state/drover',
      sources: [],
      policies: [],
      http: { host: '127.0.0.1', port: 7466, tokens: [] },
      schedule: { collectEverySeconds: 30, tickEverySeconds: 60, housekeepingEverySeconds: 3600 },
      log: { level: 'info', format: 'json' },
    });
  });

  it('leaves the options of a source to its adapter', () => {
    const config = good('sources: [{ id: a, kind: libvirt, hosts: [{ uri: x }] }]');
    expect(config.sources).toEqual([
      { id: 'a', kind: 'libvirt', options: { hosts: [{ uri: 'x' }] } },
    ]);
  });

  it('takes paths as relative to the file', () => {
    const config = good('policies: [policies, /srv/p.yaml]\nstateDir: ../state');
    expect(config.policies).toEqual(['/etc/drover/policies', '/srv/p.yaml']);
    expect(config.stateDir).toBe('/etc/state');
  });

  it('reads metric stores, and says nothing about what was not written', () => {
    const config = good(
      'prometheus: [{ id: prom, url: "http://p:9090", tokenEnv: API_TOKEN, timeout: 5s }]',
    );
    expect(config.prometheus).toEqual([
      { source: 'prom', url: 'http://p:9090', bearerToken: 'from-env', timeoutSeconds: 5 },
    ]);
    const lenient = good('prometheus: [{ id: prom, url: "http://p", partialAnswers: accept }]');
    expect(lenient.prometheus).toMatchObject([{ partialAnswers: 'accept' }]);
  });

  it.each([
    ['1', 1],
    ['30s', 30],
    ['90m', undefined],
    ['20m', 1200],
    ['60m', 3600],
    ['6h', 21_600],
    ['1d', 86_400],
  ])('keeps the period %s as it is written, or refuses it', (tickEvery, every) => {
    const config = parseDaemonConfig(`${HEAD}schedule: { tickEvery: ${tickEvery} }`, 'd', ENV);
    expect(config.ok ? config.value.schedule.tickEverySeconds : undefined).toBe(every);
  });

  it('reads maintenance hooks: a command or a webhook, and each name once', () => {
    const config = good(
      'maintenance: { hooks: [{ name: patch, command: [/bin/patch, -v], timeout: 1h },' +
        ' { name: call, url: "https://h/p", tokenEnv: API_TOKEN, attempts: 3 }] }',
    );
    const rest = { attempts: 1, timeoutSeconds: 1800, wellSeconds: 300, patienceSeconds: 1800 };
    const url = 'https://h/p';
    expect(config.maintenance.hooks).toEqual([
      {
        ...rest,
        name: 'patch',
        action: { kind: 'command', command: ['/bin/patch', '-v'] },
        timeoutSeconds: 3600,
      },
      {
        ...rest,
        name: 'call',
        action: { kind: 'webhook', url, bearerToken: 'from-env' },
        attempts: 3,
      },
    ]);
    const hook = '{ name: a, command: [x] }';
    expect(bad(`maintenance: { hooks: [${hook}, ${hook}] }`)).toMatch(/another hook "a"/);
    expect(bad('maintenance: { hooks: [{ name: a }] }')).toMatch(/either command or url/);
  });

  it('takes secrets from the file, from a file, or from the environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-secret-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    const config = good(
      `http:\n  listen: "[::1]:80"\n  tokens:\n    - { name: a, role: viewer, token: in-place }\n` +
        `    - { name: b, role: alert, tokenFile: ${file} }\n` +
        '    - { name: c, role: operator, tokenEnv: API_TOKEN }\n',
    );
    expect(config.http).toMatchObject({ host: '::1', port: 80 });
    expect(config.http.tokens.map(({ token }) => token)).toEqual([
      'in-place',
      'from-file',
      'from-env',
    ]);
  });

  it('names a shared ledger, and what this controller may act on', () => {
    expect(good('')).toMatchObject({
      ledger: undefined,
      controller: { name: undefined, clusters: [], leaseSeconds: 30, findOwnVm: true },
    });
    const folder = mkdtempSync(join(tmpdir(), 'drover-secret-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'password'), 'hush\n');
    const config = good(
      `ledger: { url: "postgres://drover@db/drover", passwordFile: ${join(folder, 'password')} }\n` +
        'controller: { name: ada, clusters: [c1], lease: 10s, findOwnVm: false }',
    );
    expect(config).toMatchObject({
      ledger: { url: 'postgres://drover@db/drover', password: 'hush' },
      controller: { name: 'ada', clusters: ['c1'], leaseSeconds: 10, findOwnVm: false },
    });
  });

  it('reads fencing devices and probes, with passwords from outside alone', () => {
    const config = good(
      'fencing:\n' +
        '  - { host: h1, agent: fence_ipmilan, ' +
        'options: { ip: 10.0.0.1, lanplus: true, port: 3 }, ' +
        'passwordEnv: API_TOKEN, timeout: 20s }\n' +
        '  - { host: h2, agent: /opt/fence_own }\n' +
        'probes: [{ host: h1, address: "10.0.0.2:22" }]\n' +
        'guestProbes: [{ vm: web, address: "10.0.1.7:443" }]',
    );
    expect(config.fencing).toEqual([
      {
        host: 'h1',
        agent: 'fence_ipmilan',
        options: { ip: '10.0.0.1', lanplus: '1', port: '3' },
        password: 'from-env',
        timeoutSeconds: 20,
      },
      { host: 'h2', agent: '/opt/fence_own', options: {}, password: undefined, timeoutSeconds: 60 },
    ]);
    expect(config.probes).toEqual([{ host: 'h1', address: '10.0.0.2', port: 22 }]);
    expect(config.guestProbes).toEqual([{ vm: 'web', address: '10.0.1.7', port: 443 }]);
  });

  it.each([
    ['a program that is no agent', '{ host: h1, agent: reboot }', 'no fence agent'],
    ['an action', '{ host: h1, agent: fence_x, options: { action: on } }', 'sets the action'],
    ['a password', '{ host: h1, agent: fence_x, options: { password: x } }', 'use passwordFile'],
    ['two lines', '{ host: h1, agent: fence_x, options: { ip: "a\\nb" } }', 'more than one line'],
    ['no such variable', '{ host: h1, agent: fence_x, passwordEnv: NONE }', 'NONE is not set'],
    [
      'two devices of a host',
      '{ host: h1, agent: fence_x }, { host: h1, agent: fence_y }',
      'another fencing device of "h1"',
    ],
  ])('refuses %s as a fencing device', (_what, devices, message) => {
    expect(bad(`fencing: [${devices}]`)).toContain(message);
  });

  it('reads how peers are asked, or that they are not', () => {
    expect(good('').peerProbe).toBeUndefined();
    expect(
      good("peerProbe: { command: [ssh, '{peer}', nc, -z, '{host}', '22'] }").peerProbe,
    ).toEqual({
      command: ['ssh', '{peer}', 'nc', '-z', '{host}', '22'],
      peers: 3,
      timeoutSeconds: 10,
    });
    const written = "{ command: [a, 'x@{peer}', '{host}:22'], peers: 2, timeout: 20s }";
    const { peers, timeoutSeconds } = good(`peerProbe: ${written}`).peerProbe ?? {};
    expect([peers, timeoutSeconds]).toEqual([2, 20]);
  });

  const ASKS = "command: [a, '{peer}', '{host}']";
  const ARGUMENTS = 'a program, and arguments with {peer} and {host} in them';

  it.each([
    ['no command', 'peers: 2', '"command" is missing'],
    [
      'an empty command',
      'command: []',
      `command: names no program; expected ${ARGUMENTS}; try [ssh`,
    ],
    ['a line for a shell', 'command: "ssh {peer}"', 'command: found text'],
    ['an argument that is no text', "command: [a, '{peer}', '{host}', 22]", '22'],
    [
      'no place for the host',
      "command: [a, '{peer}']",
      `no argument has {host} in it; expected ${ARGUMENTS}`,
    ],
    ['no place for the peer', "command: [a, '{host}']", 'no argument has {peer} in it'],
    ['a host for a program', "command: ['{peer}', '{peer}', '{host}']", 'put it into an argument'],
    ['one peer, which proves nothing', `${ASKS}, peers: 1`, '1 is less than 2'],
    ['the whole fleet', `${ASKS}, peers: 17`, '17 is more than 16'],
    ['half a host', `${ASKS}, peers: 2.5`, 'not a whole number'],
    ['more patience than there is', `${ASKS}, timeout: 30s`, '30 is more than 20'],
    ['no patience', `${ASKS}, timeout: 0s`, '0 is less than 1'],
    ['an unknown key', `${ASKS}, peer: 3`, 'did you mean "peers"?'],
  ])('refuses %s as a way to ask peers', (_what, entry, message) => {
    expect(bad(`peerProbe: { ${entry} }`)).toMatch(/^drover.yaml:3:/);
    expect(bad(`peerProbe: { ${entry} }`)).toContain(message);
  });

  it('keeps state where the system keeps state', () => {
    expect(defaultStateDir({ XDG_STATE_HOME: '/x' })).toBe('/x/drover');
  });

  it('reports a file that is not there', async () => {
    const config = await loadDaemonConfig('/nowhere/drover.yaml', ENV);
    expect(config.ok ? '' : config.error[0]?.message).toContain('cannot be read');
  });
});

describe('mistakes in drover.yaml', () => {
  const PERIOD = 'is not kept evenly; expected a period that divides a minute';
  const MISTAKES: readonly (readonly [string, string, string])[] = [
    ['an unknown key', 'htpp: {}', 'did you mean "http"?'],
    ['another database', 'ledger: { url: "mysql://db/x" }', 'not the address of a PostgreSQL'],
    ['a password in sight', 'ledger: { url: "postgres://a:b@db/x" }', 'use passwordFile'],
    ['a lease that is too short', 'controller: { lease: 2s }', '10'],
    ['a source without a kind', 'sources: [{ id: a }]', '"kind" is missing'],
    [
      'the same source twice',
      'sources: [{ id: a, kind: x }]\nprometheus: [{ id: a, url: "http://x" }]',
      'drover.yaml:4:20 another source "a"',
    ],
    ['an address of another kind', 'prometheus: [{ id: a, url: "ftp://x" }]', 'not an address'],
    ['credentials in an address', 'prometheus: [{ id: a, url: "http://u:secret@x" }]', 'with cred'],
    ['no port', 'http: { listen: localhost }', 'not an address to listen on'],
    ['too large a port', 'http: { listen: "a:70000" }', 'not an address to listen on'],
    [
      'a hook that would be ended at once',
      'maintenance: { hooks: [{ name: a, command: [b], timeout: 30d }] }',
      '2592000 is more than 604800',
    ],
    [
      'a fence agent without end',
      'fencing: [{ host: a, agent: fence_x, timeout: 8d }]',
      '691200 is more than 604800',
    ],
    [
      'a query without end',
      'prometheus: [{ id: p, url: "http://p", timeout: 8d }]',
      '691200 is more than 604800',
    ],
    ['seconds that a minute does not hold evenly', 'schedule: { collectEvery: 45s }', PERIOD],
    ['seconds beyond a minute', 'schedule: { tickEvery: 90s }', PERIOD],
    ['seconds that only an hour holds evenly', 'schedule: { tickEvery: 16 }', PERIOD],
    ['hours that a day does not hold evenly', 'schedule: { tickEvery: 7h }', PERIOD],
    ['more than a day', 'schedule: { housekeepingEvery: 2d }', PERIOD],
    ['no period', 'schedule: { tickEvery: often }', 'expected a period that divides'],
    ['a tick all the time', 'schedule: { tickEvery: 0s }', '0 is less than 1'],
    ['a broken pattern', 'prometheus: [{ id: a, url: "http://x", hostPattern: "(" }]', 'regular'],
    ['no secret', 'http: { tokens: [{ name: a, role: viewer }] }', 'exactly one of token'],
    [
      'an empty variable',
      'http: { tokens: [{ name: a, role: viewer, tokenEnv: NOPE }] }',
      'variable NOPE is not set',
    ],
    [
      'a secret file that is not there',
      'http: { tokens: [{ name: a, role: viewer, tokenFile: /no/such }] }',
      '/no/such cannot be read: ENOENT',
    ],
  ];

  it.each(MISTAKES)('%s', (_, body, expected) => {
    expect(bad(body)).toContain(expected);
    expect(bad(body)).not.toContain('secret@');
  });

  it('never repeats a secret', () => {
    const secret = 'hunter2';
    const bodies = [
      `http: { tokens: [{ name: a, role: viewer, token: [${secret}] }] }`,
      `http: { tokens: [{ name: a, role: viewer, token: ${secret}, tokenEnv: API_TOKEN }] }`,
      `http: { tokens: ${secret} }`,
      `influx: { url: "http://u:${secret}@x", org: a, bucket: b, token: x }`,
    ];
    for (const body of bodies) {
      expect(bad(body)).not.toBe('');
      expect(bad(body)).not.toContain(secret);
    }
  });
});
