// Role: what a tick's rules cost in CPU, for the given number of hosts and ten rules of three
// conditions each, of which the given share of hosts fires all.
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { RuleBook } from '../../src/rules/rule-book.ts';
import { aHost, aPolicy, aSnapshot, held, TEST_NOW } from '../support/fleet.ts';

export interface RulesBench {
  readonly hosts: number;
  /** 0..1 of the hosts are overloaded. */
  readonly hot: number;
  readonly ticks: number;
}

const RULES = 10;

export async function benchRules(options: RulesBench): Promise<Record<string, number>> {
  const book = RuleBook.compile(aPolicy({ rules: Array.from({ length: RULES }, makeRule) }));
  if (!book.ok) throw new Error(book.error.join('\n'));
  const hosts = Array.from({ length: options.hosts }, (_, index) => {
    const load = index < options.hosts * options.hot ? 15 : 4;
    const metrics = { 'cpu.used': held(load), 'psi.cpu.some': held(load / 16) };
    return aHost({ id: `host-${index}`, metrics });
  });
  const snapshot = aSnapshot({ hosts });
  let cpu = 0;
  let findings = 0;
  for (let tick = 0; tick < options.ticks; tick += 1) {
    const now = epochSeconds(TEST_NOW + tick);
    const before = process.cpuUsage();
    const outcome = await book.value.evaluate({ snapshot, orders: [], memory: [], now });
    const { user, system } = process.cpuUsage(before);
    cpu += (user + system) / 1000;
    findings = outcome.findings.length;
  }
  return {
    hosts: options.hosts,
    rules: RULES,
    findings,
    tickCpuMs: Math.round((cpu / options.ticks) * 10) / 10,
  };
}

function makeRule(_: unknown, index: number) {
  return {
    name: `rule-${index}`,
    origin: 'bench:1',
    policy: 'bench',
    finding: 'overloaded' as const,
    response: 'relieve' as const,
    tier: 'optional' as const,
    hosts: undefined,
    when: {
      all: [
        { fact: 'host.cpu.used.ratio.p95', operator: 'greaterThan', value: 0.8 + index / 1000 },
        { fact: 'host.psi.cpu.some.mean', operator: 'greaterThan', value: 0.1 },
        { fact: 'host.state', operator: 'in', value: ['healthy', 'warn'] },
      ],
    },
    forSeconds: seconds(0),
    clear: { fact: 'host.cpu.used.ratio.p95', operator: 'lessThan', value: 0.7 },
    relieveBelow: undefined,
  };
}
