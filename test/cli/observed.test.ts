// Role: `drover observed` as a person types it: what is asked of the daemon, and what is printed.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openedLine } from '../../src/app/observed-lines.ts';
import { observedView } from '../../src/app/observed-view.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { ObservedRequest, ObservedView } from '../../src/ports/api.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { cli } from '../support/cli.ts';
import { manualClock } from '../support/manual-clock.ts';
import { HOSTS, ObservedLife } from '../support/observed.ts';
import { quietServer } from '../support/quiet-server.ts';
import { aHost, TEST_NOW } from '../support/fleet.ts';

const token = 'a-long-token-of-an-operator';
const clock = manualClock(TEST_NOW + 7200);

let ledger: Ledger;
let server: ReturnType<typeof quietServer>['server'];
let env: Record<string, string>;
let asked: ObservedRequest[];

beforeEach(async () => {
  asked = [];
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  const hosts = HOSTS.map((id) => ({ ...aHost({ id }), name: `node-${id}` }));
  const observed = (request: ObservedRequest): Promise<ObservedView> => {
    asked.push(request);
    return observedView({ ledger, clock }, { hosts }, request);
  };
  server = quietServer(
    { observed },
    [{ name: 'anna', role: 'operator', token }],
    '127.0.0.1',
  ).server;
  env = { DROVER_SERVER: await server.listen({ port: 0 }), DROVER_TOKEN: token };
});
afterEach(async () => {
  await server.close();
  await ledger.close();
});

/** One VM goes where it was to go, two stay where they are, and one is still wanted. */
async function lived(): Promise<void> {
  const life = new ObservedLife();
  const all = ['v1', 'v2', 'v3', 'v4'];
  const vms = Object.fromEntries(all.map((vm) => [vm, 'h1']));
  const wish = (vm: string) => ({ vm, to: 'h2', finding: vm });
  life.tick({ at: 0, vms, wishes: all.map(wish), findings: all });
  for (let at = 60; at <= 900; at += 60) {
    const left = all.filter((vm) => (vm === 'v2' ? at < 120 : vm === 'v4' || at < 180));
    life.tick({
      at,
      vms: { ...vms, v1: 'h2' },
      wishes: left.filter((vm) => vm !== 'v1').map(wish),
      findings: left,
    });
  }
  const line = (move: ObservedLife['opened'][number]) => ({ move, line: openedLine(move) });
  await ledger.putObserved({ settled: [], opened: life.opened.map(line), kept: [] });
  const settled = life.settled.map((move) => ({ move, line: openedLine(move) }));
  await ledger.putObserved({ settled, opened: [], kept: life.open });
}

describe('drover observed', () => {
  it('says that there is nothing', async () => {
    const { code, out } = await cli(['observed'], env);
    expect(code).toBe(0);
    expect(out).toMatch(/^since 20.*, no move was wanted where Drover only observes\n$/);
    expect(asked).toEqual([{ days: 14, limit: 50 }]);
  });

  it('sums up, and lists what is open and what is settled, with names', async () => {
    await lived();
    const { out } = await cli(['observed', '--limit', '2'], env);
    expect(out.split('\n')[0]?.split('; ')).toEqual([
      expect.stringMatching(
        /, of 4 moves .*: 1 made by somebody \(1 to the same host\), after 1 min in the median$/,
      ),
      '2 needed no more: the finding ended while the VM stayed, after 2 min 30 s in the median',
      '1 still open',
    ]);
    expect(out).toMatch(/\nopen:\n.*\n.* v4 +node-h1 +node-h2 +still wanted \(wanted for 15 min\)/);
    expect(out).toContain('settled, newest first (2 of 3):\n');
  });

  it('prints JSON: unknown is null', async () => {
    await lived();
    const { out } = await cli(['observed', '--json', '--days', '1'], env);
    const { summary, open, settled } = JSON.parse(out) as ObservedView;
    expect(summary.outcomes).toMatchObject({ 'moved-there': 1, ended: 2, unknown: 0 });
    expect(summary.medianSecondsToEnd).toBe(150);
    expect(open).toMatchObject([{ outcome: null, settledAt: null, host: null }]);
    expect(settled.map(({ vm, hostName }) => [vm, hostName])).toEqual([
      ['v3', 'node-h1'],
      ['v2', 'node-h1'],
      ['v1', 'node-h2'],
    ]);
  });

  it.each([
    ['--days', '0'],
    ['--days', '91'],
    ['--limit', 'all'],
  ])('refuses %s %s', async (option, value) => {
    const { code, err } = await cli(['observed', option, value], env);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining(`${option} ${value}: expected a whole`),
    ]);
  });
});
