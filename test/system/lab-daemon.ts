// Role: what the lab's scenarios share: Drover's configuration and policy for a lab, and questions
// to the heartbeats that every scenario ends with.
import type { DroverDaemon } from './drover-process.ts';
import type { GuestReport } from './lab/heartbeat-ledger.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import type { Lab } from './lab/lab.ts';

/**
 * The policy of the lab. Guests under emulation get what CPU the machine has left, so the test
 * measures what a busy host comes to and sets the threshold below it. As in the shipped policy the
 * hold is as long as the window, and a relieved host ends below the load at which it is clear.
 */
export function labPolicy(overloadedAbove = 0.95): string {
  const above = `${(overloadedAbove * 100).toFixed(1)}%`;
  const clear = `${(overloadedAbove * 98).toFixed(1)}%`;
  const relieved = `${(overloadedAbove * 95).toFixed(1)}%`;
  return `
apiVersion: drover/v1
kind: Policy
rules:
  - name: overloaded
    finding: overloaded
    response: relieve
    when: { fact: host.cpu.used.ratio.mean, operator: greaterThan, value: ${above} }
    for: 10s
    clear: { fact: host.cpu.used.ratio.mean, operator: lessThan, value: ${clear} }
    relieveBelow: ${relieved}
criticality:
  - vms: { labels: { tier: gold } }
    criticality: mission-critical
  - vms: { labels: { tier: bronze } }
    criticality: best-effort
limits:
  safetyCapacity: { cpu: 95% }
  cooldown: 20s
  budgets: { movesPerHour: 1000, movesPerVmPerDay: 100 }
  evacuatedShare: 50%
  gainMargin: 0
maintenance: { canaryFor: 10s }
mode:
  default: automatic
`;
}

/** `more`: further options of the source, a line each. */
export function labConfig(lab: Lab, more: readonly string[] = []): string {
  const hosts = lab.hosts.map(
    ({ number }) =>
      `      - { id: h${number}, uri: '${lab.uri(number)}', migrateUri: '${lab.peerUri(number)}',` +
      ` cluster: lab, reservedMemoryBytes: 268435456 }`,
  );
  return [
    'sources:',
    '  - id: lab',
    '    kind: libvirt',
    '    cpuFrom: domains',
    '    memoryFrom: domains',
    ...more.map((line) => `    ${line}`),
    '    hosts:',
    ...hosts,
    'schedule: { collectEvery: 2s, tickEvery: 2s, window: 10s }',
    '',
  ].join('\n');
}

export interface LabAlert {
  readonly name: string;
  /** The host that it is about. */
  readonly instance: string;
}

/** What Alertmanager would send, with its token. */
export async function fireAlert(
  daemon: DroverDaemon,
  token: string,
  { name, instance }: LabAlert,
): Promise<unknown> {
  const { server } = await daemon.access();
  const alert = {
    status: 'firing',
    labels: { alertname: name, instance, severity: 'critical' },
    annotations: { summary: `${name} of the lab` },
    startsAt: new Date().toISOString(),
    fingerprint: `${name}-${instance}`,
  };
  const response = await fetch(`${server}/api/v1/webhooks/alertmanager`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ version: '4', status: 'firing', alerts: [alert] }),
  });
  return response.json();
}

/** Downtime as the outside world saw it, per move: the gap between heartbeats less one period. */
export function downtimes(guest: GuestReport, heartbeatMs = 100): number[] {
  return guest.moves.map(({ gapMs }) => Math.max(0, Math.round(gapMs - heartbeatMs)));
}

export interface Harm {
  readonly guest: string;
  readonly what: string;
}

/** Everything that must never happen to a guest, by its own heartbeats; empty: nothing did. */
export async function harmDone(watch: HeartbeatWatch): Promise<readonly Harm[]> {
  const { guests } = await watch.report();
  return guests.flatMap((guest) => {
    const harm: Harm[] = [];
    const say = (what: string, count: number): void => {
      if (count > 0) harm.push({ guest: guest.name, what: `${count} ${what}` });
    };
    say('restarts: its counter began again', guest.restarts.length);
    say('repeated heartbeats: its state went back', guest.repeats.length);
    say('overlaps: it ran on two hosts at once', guest.overlaps.length);
    say('corrupt pages', guest.corruptPages);
    return harm;
  });
}
