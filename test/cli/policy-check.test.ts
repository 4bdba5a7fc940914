// Role: `drover policy check` as a person types it: exit codes, what it says of each rule, JSON.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { planOutputSchema } from '../../src/config/plan-output.ts';
import { cli } from '../support/cli.ts';
import { makePipe } from '../support/pipe.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-policy-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function policy(name: string, ...placement: readonly string[]): string {
  const rules = placement.map((rule) => `  - { ${rule} }`).join('\n');
  return file(name, `apiVersion: drover/v1\nkind: Policy\nplacement:\n${rules}\n`);
}

const FLEET = file(
  'fleet.json',
  JSON.stringify({
    apiVersion: 'drover/v1',
    kind: 'Fleet',
    defaults: { cpu: { vendor: 'intel', model: 'Icelake-Server', features: [] } },
    hosts: ['h1', 'h2'].map((id) => ({ id, cores: 16, memory: '64GiB' })),
    vms: ['a', 'b'].map((id) => ({ id, host: 'h1', vcpus: 2, memory: '4GiB', cpuUsed: 1 })),
  }),
);

const PINNED =
  'id: pinned, kind: pin, strength: hard, vms: { names: ["*"] }, hosts: { names: [h1] }';
const APART = 'id: apart, kind: anti-affinity, strength: hard, vms: { names: [a, b] }';
const TOGETHER = 'id: together, kind: affinity, strength: hard, vms: { names: [a, b] }';

describe('drover policy check', () => {
  it('says whom each rule touches, and that all can hold', async () => {
    const path = policy('fine.yaml', APART);
    const { code, out } = await cli(['policy', 'check', path, '--fleet', FLEET]);
    expect(out).toBe(`apart (hard anti-affinity, ${path}:4): 2 VMs: a, b\nvalid: 1 rule\n`);
    expect(code).toBe(0);
  });

  it('says which VMs Drover stands on, and warns of an entry that means none', async () => {
    const path = file(
      'own.yaml',
      'apiVersion: drover/v1\nkind: Policy\nown:\n' +
        '  - { role: ledger, vms: { names: [a] } }\n' +
        '  - { role: manager, vms: { names: [vcentre] } }\n',
    );
    const { code, out } = await cli(['policy', 'check', path, '--fleet', FLEET]);
    expect(out.split('\n')).toEqual([
      `own (ledger, ${path}:4): 1 VM: a`,
      `own (manager, ${path}:5): no VM`,
      `warning: own (manager, ${path}:5): no VM of the fleet is meant by it`,
      'valid: 2 rules',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('warns of clusters and names that the fleet does not have', async () => {
    const path = file(
      'typo.yaml',
      'apiVersion: drover/v1\nkind: Policy\nplacement:\n' +
        '  - { id: lost, kind: pin, strength: hard, vms: { names: [c] }, ' +
        'hosts: { names: [h9] } }\n' +
        'mode: { default: automatic, clusters: { blu: observe, green: approve } }\n',
    );
    const hosts = ['blue', 'green'].map((cluster, i) => {
      return { id: `h${i}`, cluster, cores: 16, memory: '64GiB' };
    });
    const fleet = { ...JSON.parse(readFileSync(FLEET, 'utf8')), hosts, vms: [] };
    const clusters = file('clusters.json', JSON.stringify(fleet));
    const { code, out } = await cli(['policy', 'check', path, '--fleet', clusters]);
    expect(out.split('\n').slice(1)).toEqual([
      'warning: mode.clusters: no host is in cluster blu (is blue meant?): its mode binds nobody',
      `warning: lost (${path}:4): no VM of the fleet is meant by it`,
      `warning: lost (${path}:4): no host of the fleet is meant by it`,
      'valid: 1 rule',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('looks at the files alone where no fleet is given', async () => {
    const { code, out } = await cli(['policy', 'check', 'policies/default.yaml']);
    expect(out).toContain('cpu-overload (relieve, policies/default.yaml:');
    expect(out).toContain('valid: ');
    expect(code).toBe(0);
  });

  it('says which hosts a rule looks at', async () => {
    const { out } = await cli(['policy', 'check', 'policies/default.yaml', '--fleet', FLEET]);
    expect(out).toMatch(/cpu-overload \(relieve, .*\): 2 hosts: h1, h2/);
  });

  it('names rules that no placement can satisfy: exit code 1', async () => {
    const path = policy('none.yaml', PINNED, APART);
    const { code, out } = await cli(['policy', 'check', path, '--fleet', FLEET]);
    expect(out).toContain(
      `contradictory: apart (anti-affinity, ${path}:5) and pinned (pin, ${path}:4): ` +
        'a, b are to be in 2 different hosts, and only 1 left for them',
    );
    expect(code).toBe(1);
    // Without the fleet nobody knows: it is valid.
    expect((await cli(['policy', 'check', path])).code).toBe(0);
  });

  it('names rules that contradict each other in any fleet: exit code 1', async () => {
    const { code, out } = await cli(['policy', 'check', policy('both.yaml', TOGETHER, APART)]);
    expect(out).toContain('"apart" demands something else of the same VMs');
    expect(code).toBe(1);
  });

  it('shows what is not valid, with the place: exit code 2', async () => {
    const path = policy('bad.yaml', 'id: x, kind: pin, strength: hard');
    const { code, out } = await cli(['policy', 'check', path, '--fleet', FLEET]);
    expect(out).toContain(`${path}:4:`);
    expect(out).toContain('pin needs vms');
    expect(code).toBe(2);
    expect((await cli(['policy', 'check', join(folder, 'gone.yaml')])).code).toBe(2);
  });

  it('takes of a folder what a person put there, and waits for no pipe', async () => {
    const many = mkdtempSync(join(folder, 'many-'));
    writeFileSync(join(many, 'a.yaml'), 'apiVersion: drover/v1\nkind: Policy\n');
    // An editor's lock and its copy of what is being written.
    symlinkSync('anna@desk.4711', join(many, '.#a.yaml'));
    writeFileSync(join(many, '.a.yaml'), 'apiVersion: drover/v1\nkind: Poli');
    expect(await cli(['policy', 'check', many])).toMatchObject({ code: 0, err: '' });
    makePipe(join(many, 'f.yaml'));
    symlinkSync('nowhere', join(many, 'g.yaml'));
    const { code, out } = await cli(['policy', 'check', many]);
    expect(code).toBe(2);
    expect(out).toMatch(/f\.yaml:1:1.*no regular file/);
    expect(out).toMatch(/g\.yaml:1:1.*ENOENT/);
  });

  it('points to the catalogue where a fact is not known', async () => {
    const path = file(
      'fact.yaml',
      'apiVersion: drover/v1\nkind: Policy\nrules:\n  - id: r\n    for: host\n' +
        '    when: { fact: cpu.nothing, operator: greaterThan, value: 1 }\n    then: relieve\n',
    );
    expect((await cli(['policy', 'check', path])).out).toContain('policies/FACTS.md');
  });

  it('answers as JSON too', async () => {
    const path = policy('json.yaml', PINNED, APART);
    const { out } = await cli(['policy', 'check', path, '--fleet', FLEET, '--json']);
    expect(JSON.parse(out)).toMatchObject({
      valid: true,
      problems: [],
      rules: [
        { rule: 'apart', vms: ['a', 'b'], kind: 'hard anti-affinity' },
        { rule: 'pinned', vms: ['a', 'b'], hosts: ['h1'] },
      ],
      contradictions: [{ vms: ['a', 'b'], rules: [{ id: 'apart' }, { id: 'pinned' }] }],
    });
  });
});

describe('drover plan', () => {
  it('names contradictory rules', async () => {
    const path = policy('plan.yaml', PINNED, APART);
    const asked = ['plan', '--fleet', FLEET, '--policy', path];
    expect((await cli(asked)).out).toContain('contradictory rules: apart (anti-affinity, ');
    const { out } = await cli([...asked, '--json']);
    expect(planOutputSchema.parse(JSON.parse(out)).contradictions).toHaveLength(1);
  });
});
