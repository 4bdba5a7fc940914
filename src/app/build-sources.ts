/** Makes the hypervisors and metric stores that a configuration names. */

import { FenceAgents } from '../../adapters/fence-agents.ts';
import { PeerCommandProbe } from '../../adapters/peer-probe.ts';
import { isAdapterName, ADAPTER_NAMES, loadAdapter } from '../../adapters/registry.ts';
import type { AdapterMemory, OptionProblem, PreparedAdapter } from '../../adapters/adapter.ts';
import { type ProbeAddress, TcpProbe } from '../../adapters/tcp-probe.ts';
import { PROMETHEUS_DEFAULTS, PrometheusSource } from '../collect/prometheus-source.ts';
import type { DaemonConfig } from '../config/daemon.ts';
import { type SourceId, sourceId } from '../domain/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import { SourceErrors } from './input-errors.ts';
import type { Sources } from './sources.ts';

type SourceConfig = DaemonConfig['sources'][number];

/**
 * Reads all options before the first connection is opened. Rejects with SourceErrors.
 * @param memoryOf what each source keeps over a restart; absent: nothing.
 */
export async function buildSources(
  config: DaemonConfig,
  clock: Clock,
  memoryOf?: (source: SourceId) => AdapterMemory,
): Promise<Sources> {
  const prepared = await prepareAll(config.sources);
  const hypervisors = new Map<SourceId, Hypervisor>();
  try {
    for (const [id, adapter] of prepared) {
      const source = sourceId(id);
      hypervisors.set(source, await adapter.create({ source, clock, memory: memoryOf?.(source) }));
    }
  } catch (error) {
    for (const hypervisor of hypervisors.values()) await hypervisor.close();
    throw error;
  }
  const metricSources = config.prometheus.map(
    (options) => new PrometheusSource({ ...PROMETHEUS_DEFAULTS, ...options }),
  );
  const guests = probeAt(config.guestProbes.map(({ vm, ...at }) => ({ of: vm, ...at })));
  return { hypervisors, metricSources, guests, ...powerOf(config) };
}

/** Nothing without configuration: no host is ever known dead then. */
export function powerOf(config: Pick<DaemonConfig, 'fencing' | 'probes' | 'peerProbe'>) {
  const { fencing, probes, peerProbe } = config;
  return {
    fencing: fencing.length === 0 ? undefined : new FenceAgents(fencing),
    probe: probeAt(probes.map(({ host, ...at }) => ({ of: host, ...at }))),
    peerProbe: peerProbe === undefined ? undefined : new PeerCommandProbe(peerProbe),
  };
}

function probeAt(addresses: readonly ProbeAddress[]): TcpProbe | undefined {
  return addresses.length === 0 ? undefined : new TcpProbe(addresses);
}

async function prepareAll(
  sources: readonly SourceConfig[],
): Promise<ReadonlyMap<string, PreparedAdapter>> {
  const problems: string[] = [];
  const prepared = new Map<string, PreparedAdapter>();
  for (const [index, { id, kind, options }] of sources.entries()) {
    const at = `sources[${index}] (${id})`;
    if (!isAdapterName(kind)) {
      problems.push(`${at}: unknown kind ${kind}; expected ${ADAPTER_NAMES.join(', ')}`);
      continue;
    }
    const adapter = (await loadAdapter(kind)).prepare(options);
    if (adapter.ok) prepared.set(id, adapter.value);
    else problems.push(...adapter.error.map((problem) => problemText(at, problem)));
  }
  if (problems.length > 0) throw new SourceErrors(problems);
  return prepared;
}

function problemText(at: string, { path, message, expected }: OptionProblem): string {
  const where = path.length === 0 ? at : `${at}.${path.join('.')}`;
  return `${where}: ${message}${expected === '' ? '' : `; expected ${expected}`}`;
}
