// Role: `drover simulate`: an operator's file, played; a mistake in it is told with its place.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { PACKAGE_ROOT } from '../../src/app/version.ts';
import { cli } from '../support/cli.ts';

const EXAMPLES = join(PACKAGE_ROOT, 'policies', 'examples');
const EXAMPLE = join(EXAMPLES, 'scenario.yaml');

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-scenario-'));
  file = join(folder, 'scenario.yaml');
  cpSync(join(EXAMPLES, 'small-fleet.json'), join(folder, 'fleet.json'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function simulate(lines: readonly string[], ...more: string[]) {
  writeFileSync(file, ['apiVersion: drover/v1', 'kind: Scenario', ...lines, ''].join('\n'));
  return cli(['simulate', '--scenario', file, ...more]);
}
const FLEET = ['duration: 10m', 'fleet: fleet.json'];

describe('drover simulate', { timeout: 120_000 }, () => {
  it('plays the example: what happens, what Drover does, and a summary', async () => {
    const run = await cli(['simulate', '--scenario', EXAMPLE]);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toContain('00:30:00  >>         anna: maintenance h3\n');
    expect(run.out).toContain('00:06:00  start      web-1: h1 -> h3\n');
    expect(run.out).toContain('\n2 h 00 min with seed 1: 6 moves: 6 succeeded; longest downtime');
    expect(run.out).toMatch(/\ndown in the end: db-2\n$/);
  });

  it('tells the same as data', async () => {
    const drain = '  - { at: 1m, evacuate: { host: h2, by: ben, reason: dust } }';
    const run = await simulate([...FLEET, 'events:', drain], '--json');
    expect(await cli(['simulate', '--scenario', file, '--json'])).toEqual(run);
    const view = JSON.parse(run.out);
    expect(view).toMatchObject({ seconds: 600, seed: 1, down: [], faults: [] });
    expect(view.outcomes).toMatchObject({ succeeded: view.moves.length, failed: 0 });
    const away = view.moves.filter(({ from }: { from: string }) => from === 'h2');
    expect(away).toHaveLength(2);
    expect(away[0]).toMatchObject({ tier: 'mandatory', outcome: 'succeeded' });
    const h2 = view.hosts.find(({ host }: { host: string }) => host === 'h2');
    expect(h2).toMatchObject({ vms: [] });
    expect(view.log[0]).toEqual({ atSeconds: 0, kind: 'drover', text: 'starts', details: [] });
  });

  it('plays a generated fleet for as long as asked, another one with another seed', async () => {
    const generated = ['duration: 9d', 'generated: { hosts: 4, vms: 20 }'];
    const fault = ['events:', '  - { at: 2m, host-crash: { host: host-02 } }'];
    const [one, other] = [
      await simulate([...generated, ...fault], '--days', '0.005'),
      await simulate([...generated, ...fault], '--days', '0.005', '--seed', '2'),
    ];
    expect([one.code, other.code]).toEqual([0, 0]);
    expect(one.out).toContain('00:02:00  >>         host-02 loses its power');
    expect(one.out).toContain('\n7 min 12 s with seed 1: ');
    expect(other.out.replaceAll('seed 2', 'seed 1')).not.toBe(one.out);
  });

  it('shows in mode observe what would have been done, and does nothing', async () => {
    const policy = ['apiVersion: drover/v1', 'kind: Policy', 'mode: observe', ''].join('\n');
    writeFileSync(join(folder, 'look.yaml'), policy);
    const drain = '  - { at: 1m, evacuate: { host: h2, by: ben, reason: dust } }';
    const run = await simulate([...FLEET, 'policies: [look.yaml]', 'events:', drain]);
    expect(run.out).toContain('web-2: h2 -> ');
    expect(run.out).toContain('would-execute, mode observe');
    expect(run.out).toContain('10 min 00 s with seed 1: 0 moves\n');
  });

  it.each([
    [
      '5:',
      ['events:', '  - { at: 1m }'],
      '6:5 nothing happens in this event; expected beside "at"',
    ],
    [
      'two things',
      ['events:', '  - { at: 1m, pause: { by: x }, resume: { by: x } }'],
      '6:5 2 things happen in this event',
    ],
    [
      'a host that is not there',
      ['events:', '  - { at: 1m, surge: { host: h22, factor: 2 } }'],
      '6:30 the fleet has no host "h22"; did you mean "h2"?',
    ],
    [
      'a VM that is not there',
      ['events:', '  - { at: 1m, drift: { vm: web-11, to: h1 } }'],
      '6:28 the fleet has no VM "web-11"; did you mean "web-1"?',
    ],
    ['a word', ['events:', '  - { at: 1m, surgee: { host: h2 } }'], '6:15 unknown key "surgee"'],
    ['no policy file', ['policies: [nope.yaml]'], '5:12 there is no policy file'],
  ])('refuses %s, with its place', async (_what, lines, told) => {
    const run = await simulate([...FLEET, ...lines]);
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toContain(`${file}:${told}`);
  });

  it('ends when it is asked to, and leaves nothing behind', async () => {
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    writeFileSync(file, ['apiVersion: drover/v1', 'kind: Scenario', ...FLEET, ''].join('\n'));
    const stop = new AbortController();
    const run = cli(['simulate', '--scenario', file, '--days', '366'], {}, stop.signal);
    await vi.waitUntil(() => readdirSync(temporary).length > 0, { timeout: 60_000 });
    stop.abort();
    const err = 'drover: stopped before the scenario was over\n';
    expect(await run).toEqual({ code: 3, out: '', err });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('refuses two fleets or none, a policy with a mistake, and odd options', async () => {
    const both = await simulate([...FLEET, 'generated: { hosts: 1, vms: 1 }']);
    expect(both.err).toContain('expected either fleet (a fleet file) or generated (hosts, vms)');
    expect((await simulate(['duration: 1m', 'fleet: none.json'])).err).toContain('cannot be read');
    writeFileSync(
      join(folder, 'bad.yaml'),
      'apiVersion: drover/v1\nkind: Policy\nmodee: observe\n',
    );
    const bad = await simulate([...FLEET, 'policies: [bad.yaml]']);
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('bad.yaml:3:1 unknown key "modee"');
    const odd = await simulate(FLEET, '--days', '0');
    expect([odd.code, odd.err]).toEqual([
      2,
      'drover: --days 0: expected a number above 0, at most 366\n',
    ]);
    expect((await simulate(FLEET, '--seed', 'x')).code).toBe(2);
  });
});
