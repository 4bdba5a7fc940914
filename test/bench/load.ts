// Role: what loading a full fleet file costs: a saved snapshot in which every host and VM has all
// of its measurements, as `drover snapshot save` writes it. Reading the disk is not part of it.
import { formatFleet, parseFleet } from '../../src/config/fleet-file.ts';
import { HOST_METRICS, VM_METRICS } from '../../src/domain/metrics.ts';
import { aHost, aSnapshot, aVm, held } from '../support/fleet.ts';

export interface LoadBench {
  readonly hosts: number;
  readonly vms: number;
  readonly loads: number;
}

export function benchLoad(options: LoadBench): Record<string, number> {
  const text = fleetText(options);
  const times: number[] = [];
  for (let load = 0; load < options.loads; load += 1) {
    const before = process.cpuUsage();
    const fleet = parseFleet(text, 'bench.json');
    const { user, system } = process.cpuUsage(before);
    if (!fleet.ok) throw new Error(JSON.stringify(fleet.error));
    times.push((user + system) / 1000);
  }
  return {
    hosts: options.hosts,
    vms: options.vms,
    mebibytes: Math.round(text.length / 2 ** 20),
    // A command loads its file once, before anything was compiled: the first time counts.
    firstCpuMs: Math.round(times[0] ?? 0),
    leastCpuMs: Math.round(Math.min(...times)),
  };
}

function fleetText({ hosts, vms }: LoadBench): string {
  const measured = (metrics: object) =>
    Object.fromEntries(Object.keys(metrics).map((metric) => [metric, held(0.5)]));
  return formatFleet(
    aSnapshot({
      hosts: Array.from({ length: hosts }, (_, index) =>
        aHost({ id: `host-${index}`, metrics: measured(HOST_METRICS) }),
      ),
      vms: Array.from({ length: vms }, (_, index) =>
        aVm({
          id: `vm-${index}`,
          host: `host-${index % hosts}`,
          metrics: measured(VM_METRICS),
        }),
      ),
    }),
  );
}
