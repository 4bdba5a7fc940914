// Role: fleet files, from the smallest to what Drover saves, and what is said of broken ones.
import { describe, expect, it } from 'vitest';

import { formatFleet, parseFleet } from '../../../src/config/fleet-file.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { storageId } from '../../../src/domain/ids.ts';
import { GIB, bytes, bytesPerSecond } from '../../../src/domain/units.ts';
import { aHost, aPin, aSnapshot, aVm, anAntiAffinity } from '../../support/fleet.ts';
import { aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';

const HEAD = '"apiVersion": "drover/v1", "kind": "Fleet"';
const CPU = '"defaults": { "cpu": { "vendor": "intel", "features": ["avx2"] } }';
const HOSTS = '"hosts": [{ "id": "h1", "cores": 16, "memory": "64GiB" }]';
const VM = '{ "id": "v1", "host": "h1", "vcpus": 2, "memory": "4GiB", "cpuUsed": 1.5 }';

function good(text: string, options = {}) {
  const fleet = parseFleet(text, 'fleet.json', options);
  if (!fleet.ok) throw new Error(fleet.error.map(formatProblem).join('\n'));
  return fleet.value;
}

function bad(text: string): string {
  const fleet = parseFleet(text, 'fleet.json');
  return fleet.ok ? '' : fleet.error.map(formatProblem).join('\n');
}

describe('the smallest fleet file', () => {
  const { snapshot, notes } = good(`{ ${HEAD}, ${CPU}, ${HOSTS}, "vms": [${VM}] }`);
  const [host] = snapshot.hosts;
  const [vm] = snapshot.vms;

  it('needs only id, cores and memory of a host', () => {
    expect(host?.cpu).toMatchObject({ cores: 16, threads: 16, vendor: 'intel', coreSpeed: 1 });
    expect(host?.memory).toEqual({ totalBytes: 64 * GIB, reservedBytes: 0, hugePages: [] });
  });

  it('needs only id, host, vCPUs, memory and CPU of a VM', () => {
    expect(vm).toMatchObject({ name: 'v1', memoryBytes: 4 * GIB, criticality: 'standard' });
    expect(vm?.cpu).toMatchObject({ mode: 'named', vendor: 'intel', features: ['avx2'] });
    expect(vm?.metrics['cpu.used']?.p95).toEqual({ kind: 'known', value: 1.5, ageSeconds: 0 });
  });

  it('takes the load of a host from its VMs, and says what it assumed', () => {
    expect(host?.metrics['cpu.used']?.mean).toMatchObject({ kind: 'known', value: 1.5 });
    expect(notes.join('\n')).toMatch(/held for every window.*\n.*sum of their VMs/);
    expect(notes.join('\n')).toContain('taken as intel (defaults.cpu)');
  });

  it('knows no CPU without defaults.cpu, and says so', () => {
    const fleet = good(`{ ${HEAD}, ${HOSTS}, "vms": [${VM}] }`);
    expect(fleet.snapshot.hosts[0]?.cpu).toMatchObject({ vendor: undefined, features: undefined });
    expect(fleet.snapshot.vms[0]?.cpu).toMatchObject({ mode: 'unknown', vendor: undefined });
    expect(fleet.notes.join('\n')).toContain('the CPU of 1 VM is not known');
  });

  it('knows only the last value where values are not taken as held', () => {
    const fleet = good(`{ ${HEAD}, ${HOSTS}, "vms": [${VM}] }`, { assumeHeld: false });
    const used = fleet.snapshot.vms[0]?.metrics['cpu.used'];
    expect(used?.last).toMatchObject({ kind: 'known', value: 1.5 });
    expect(used?.p95).toEqual({ kind: 'missing', reason: 'too-few-samples' });
    expect(fleet.snapshot.hosts[0]?.metrics['cpu.used']?.p95).toMatchObject({ kind: 'missing' });
  });

  it('leaves the load of a host unknown when one of its VMs is', () => {
    const silent = '{ "id": "v2", "host": "h1", "vcpus": 1, "memory": 1 }';
    const fleet = good(`{ ${HEAD}, ${HOSTS}, "vms": [${VM}, ${silent}] }`);
    expect(fleet.snapshot.hosts[0]?.metrics['cpu.used']).toBeUndefined();
  });

  it('does not give a host of another vendor, or its guests, the default CPU', () => {
    const amd = '{ "id": "h1", "cpu": { "cores": 8, "vendor": "amd" }, "memory": 1 }';
    const fleet = good(`{ ${HEAD}, ${CPU}, "hosts": [${amd}], "vms": [${VM}] }`);
    expect(fleet.snapshot.hosts[0]?.cpu).toMatchObject({ vendor: 'amd', features: undefined });
    expect(fleet.snapshot.vms[0]?.cpu).toMatchObject({ vendor: 'amd', features: undefined });
  });

  it('takes orders along', () => {
    const orders = '"orders": [{ "kind": "maintenance", "host": "h1" }]';
    const fleet = good(`{ ${HEAD}, ${HOSTS}, "vms": [${VM}], ${orders} }`);
    expect(fleet.orders).toMatchObject([{ kind: 'maintenance', host: 'h1', home: ['v1'] }]);
  });
});

const DISK = {
  storage: storageId('old'),
  bytes: bytes(GIB),
  shared: false,
  copyNames: ['pool:default'],
  copyBytes: bytes(2 * GIB),
};

describe('saving a fleet', () => {
  it('gives the same snapshot again', () => {
    const snapshot = aSnapshot({
      hosts: [
        aHost({ id: 'h2', faultDomains: { rack: 'a' } }),
        aHost({
          id: 'h1',
          copiesTo: { '*': storageId('ssd') },
          uplink: { id: 'tor-1', bandwidth: bytesPerSecond(1e9) },
        }),
      ],
      vms: [aVm({ id: 'v1', disks: [DISK] }), aVm({ id: 'v2', hugePageBytes: undefined })],
      storages: [
        { id: storageId('nfs'), capacityBytes: bytes(9 * GIB) },
        { id: storageId('ssd'), capacityBytes: bytes(9 * GIB), freeBytes: bytes(2 * GIB) },
      ],
      placement: [
        anAntiAffinity('a', ['v1', 'v2']),
        aPin('b', ['v1'], ['h1']),
        anAmong('c', ['v1', 'v2'], [['h1'], ['h2']]),
        aSpread('d', ['v1', 'v2'], 2),
        aLonely('e', ['v1']),
      ],
    });
    expect(good(formatFleet(snapshot)).snapshot).toStrictEqual(snapshot);
  });
});

describe('mistakes in a fleet file', () => {
  const fleet = (hosts: string, vms = VM): string =>
    `{ ${HEAD}, "hosts": [${hosts}], "vms": [${vms}] }`;
  const host = (more: string): string => fleet(`{ "id": "h1", "memory": 1, ${more} }`);
  const vm = (more: string): string =>
    `{ ${HEAD}, ${HOSTS}, "vms": [{ "id": "v1", "host": "h1", ${more} }] }`;

  const rule = (more: string): string =>
    `{ ${HEAD}, ${HOSTS}, "vms": [], "placement": { "rules": [{ "id": "r", ${more} }] } }`;

  const MISTAKES: readonly (readonly [string, string, string])[] = [
    ['an empty file', '', 'fleet.json:1:1 the file is empty'],
    ['an empty object', '{}', '"apiVersion" is missing'],
    ['a list', '[]', 'found a list'],
    ['a comma too many', '{"a": 1,}', 'fleet.json:1:9 unexpected "}"; expected a "name"'],
    ['an end too early', '{"a": [1, 2', 'the file ends too early; expected "," or "]"'],
    ['something after the end', '{} {}', 'unexpected "{"; expected nothing more'],
    ['comments', '// no\n{}', 'fleet.json:1:1 unexpected "/"'],
    ['text without quotes', '{"a": yes}', 'unexpected "y"; expected a value'],
    [
      'a key twice',
      `{ ${HEAD},\n"hosts": [],\n"hosts": [], "vms": [] }`,
      ':3:1 "hosts" is there twice',
    ],
    ['an unknown key', host('"cores": 1, "ramGiB": 2'), 'unknown key "ramGiB"'],
    ['a similar key', vm('"vCPUs": 1, "memory": 1'), 'did you mean "vcpus"?'],
    ['no cores', host('"threads": 1'), '"cores" is missing'],
    ['no cores at all', host('"cores": 0'), '0 is less than 1'],
    ['no memory', vm('"vcpus": 1'), '"memory" is missing'],
    ['memory twice', vm('"vcpus": 1, "memory": 1, "memoryBytes": 1'), '"memory" and "memoryBytes"'],
    [
      'memory without a unit',
      fleet('{ "id": "h1", "cores": 1, "memory": "64" }'),
      'cannot read "64"; expected a size',
    ],
    ['negative memory', fleet('{ "id": "h1", "cores": 1, "memory": -1 }'), '-1 is less than 0'],
    [
      'a number beyond all numbers',
      vm('"vcpus": 1, "memory": 1e999'),
      'Infinity is not a finite number',
    ],
    [
      'negative load',
      vm('"vcpus": 1, "memory": 1, "cpuUsed": -0.1'),
      '-0.1 is not a finite number >= 0',
    ],
    [
      'a window with a statistic of its own',
      host('"cores": 1, "metrics": { "cpu.used": { "median": 1 } }'),
      'unknown key "median" in a window',
    ],
    [
      'a window with a key of every object',
      host('"cores": 1, "metrics": { "cpu.used": { "__proto__": {} } }'),
      'unknown key "__proto__" in a window',
    ],
    [
      'a list for a window',
      host('"cores": 1, "metrics": { "cpu.used": [1] }'),
      'unknown key "0" in a window',
    ],
    [
      'nothing for a window',
      host('"cores": 1, "metrics": { "cpu.used": null }'),
      'a window has last',
    ],
    [
      'half a window',
      vm('"vcpus": 1, "memory": 1, "metrics": { "cpu.used": { "last": 1 } }'),
      'a window has last',
    ],
    [
      'an unknown metric',
      vm('"vcpus": 1, "memory": 1, "metrics": { "cpu": 1 }'),
      'unknown key "cpu"',
    ],
    [
      'the same host twice',
      fleet('{ "id": "h1", "cores": 1, "memory": 1 }, { "id": "h1", "cores": 1, "memory": 1 }'),
      'host "h1" is there already (hosts[0])',
    ],
    [
      'the same VM twice',
      `{ ${HEAD}, ${HOSTS}, "vms": [${VM}, ${VM}] }`,
      'VM "v1" is there already',
    ],
    [
      'an unknown host',
      fleet('{ "id": "h7", "cores": 1, "memory": 1 }'),
      'unknown host "h1"; expected the id of a host; did you mean "h7"?',
    ],
    ['a rule about nobody', rule('"kind": "affinity", "vms": ["v9"]'), 'unknown VM "v9"'],
    ['spread over nothing', rule('"kind": "spread", "vms": []'), 'spread needs minimum'],
    [
      'spread over one domain',
      rule('"kind": "spread", "vms": [], "minimum": 1'),
      '1 is less than 2; expected a number of domains',
    ],
    ['lonely on a host', rule('"kind": "lonely", "vms": [], "hosts": []'), 'lonely has no hosts'],
    ['needing nobody', rule('"kind": "dependency", "vms": []'), 'dependency needs on'],
    [
      'needing one that is not there',
      rule('"kind": "dependency", "vms": [], "on": ["v9"]'),
      'unknown VM "v9"',
    ],
    ['preserving nothing', rule('"kind": "preserve", "hosts": ["h1"]'), 'preserve needs free'],
    [
      'preserving no resource',
      rule('"kind": "preserve", "hosts": ["h1"], "free": {}'),
      'asks for nothing; expected memory, cpu or both',
    ],
    [
      'preserving more than all',
      rule('"kind": "preserve", "hosts": ["h1"], "free": { "memory": "120%" }'),
      '120% is not more than 0% and at most 100%',
    ],
    [
      'preserving CPU in bytes',
      rule('"kind": "preserve", "hosts": ["h1"], "free": { "cpu": "8GiB" }'),
      'cannot read "8GiB"; expected a number of hardware threads, or a share like "25%"',
    ],
    ['a spare VM', rule('"kind": "spare", "hosts": [], "vms": []'), 'spare has no vms'],
    [
      'the loss of no host',
      rule('"kind": "failover-reserve", "hosts": ["h1"], "failures": 0'),
      '0 is less than 1; expected a number of hosts',
    ],
    ['among no sets', rule('"kind": "among", "vms": [], "hosts": []'), 'among needs sets'],
    [
      'a set that is not there',
      rule('"kind": "among", "vms": [], "sets": [["h1"], ["h9"]]'),
      'unknown host "h9"',
    ],
    [
      'a host in two sets',
      rule('"kind": "among", "vms": [], "sets": [["h1"], ["h1"]]'),
      'host "h1" is in another set too (sets[0])',
    ],
    ['a pin to nothing', rule('"kind": "pin", "vms": []'), 'pin needs hosts'],
    [
      'an id that would forge a log line',
      fleet('{ "id": "h1\\nERROR", "cores": 1, "memory": 1 }'),
      'is not a name',
    ],
  ];

  it.each(MISTAKES)('%s', (_, text, expected) => {
    expect(bad(text)).toContain(expected);
  });

  it('points at the line and column, all at once', () => {
    const text = `{ ${HEAD},
  "hosts": [
    { "id": "h1", "cores": "many", "memory": "64GiB" },
    { "id": "h2", "cores": 1, "memory": "64 gigs" }
  ],
  "vms": []
}`;
    expect(bad(text).split('\n')).toEqual([
      'fleet.json:3:28 cores: cannot read "many"; expected a whole number of at least 1',
      'fleet.json:4:41 totalBytes: cannot read "64 gigs"; expected a size like "64GiB" or ' +
        '"512MiB", or a number of bytes',
    ]);
  });

  it('survives nesting without end', () => {
    expect(bad('['.repeat(100_000))).toContain('less nesting');
  });

  it('reads a byte order mark and CRLF', () => {
    expect(bad(`\uFEFF{ ${HEAD},\r\n${HOSTS},\r\n"vms": [] }\r\n`)).toBe('');
  });
});

describe('a large fleet file', () => {
  const hosts = Array.from({ length: 1_000 }, (_, i) => aHost({ id: `h${i}` }));
  const vms = Array.from({ length: 20_000 }, (_, i) => aVm({ id: `v${i}`, host: `h${i % 1000}` }));
  const saved = formatFleet(aSnapshot({ hosts, vms }));

  it('is read whole', () => {
    expect(good(saved).snapshot.vms).toHaveLength(20_000);
  });

  it('has its mistakes found as well', () => {
    const broken = saved.replaceAll('"vcpus":2', '"vcpus":"two"');
    const lines = bad(broken).split('\n');
    expect(lines).toHaveLength(51);
    expect(lines[49]).toMatch(/^fleet.json:\d+:\d+ vcpus: cannot read "two"/);
  });
});

describe('keys that are there twice', () => {
  const twice = '{ "a": 1, "a": 2 }';
  it.each([
    ['plainly', twice],
    ['with a blank before the colon', '{ "a" : 1, "a": 2 }'],
    ['beside a text that looks like a key', `{ "x": "\\":", "y": ${twice} }`],
    ['with a blank that hides one and a text that looks like one', '{ "a" : "\\":", "a": 2 }'],
    ['deep inside', `[[{ "b": ${twice} }]]`],
    ['spelt differently', '{ "a": 1, "\\u0061": 2 }'],
  ])('%s', (_, text) => {
    expect(bad(text)).toContain('"a" is there twice');
  });

  it('are no fault in different objects', () => {
    expect(bad('[{ "a": 1 }, { "a": ":\\"" }]')).toContain('found a list');
  });
});
