/**
 * The catalogue of facts that policy conditions may use. Metric facts are generated from
 * metrics.ts: `host.<metric>` in its unit and, where it has a capacity, `host.<metric>.ratio`,
 * each with a statistic: `host.cpu.used.ratio.p95`. A fact whose value is missing makes its
 * condition neither true nor false.
 */

import { HEALTH_COMPONENTS } from './host.ts';
import { STATISTICS } from './measured.ts';
import { HOST_METRICS, type HostMetric } from './metrics.ts';

export interface FactInfo {
  readonly type: 'number' | 'text' | 'list';
  readonly unit: string;
  readonly doc: string;
}

/** Metrics whose share of the host's capacity is a fact too. */
export const RATIO_METRICS = ['cpu.used', 'memory.used'] as const satisfies readonly HostMetric[];

const OTHER_FACTS = {
  'host.memory.configured.ratio': {
    type: 'number',
    unit: 'ratio',
    doc: 'configured memory of the guests + overhead over capacity (total - reserved) x overcommit',
  },
  'host.vms': { type: 'number', unit: 'VMs', doc: 'running VMs' },
  'host.state': { type: 'text', unit: '', doc: 'state of the host ladder' },
  'host.connection': { type: 'text', unit: '', doc: 'connected or disconnected' },
  'host.order': {
    type: 'text',
    unit: '',
    doc: 'open order of an operator or an alert: none, maintenance or evacuate',
  },
  'host.alerts': { type: 'list', unit: '', doc: 'names of the firing alerts about the host' },
  'host.health.worst': { type: 'text', unit: '', doc: 'ok, warning or critical' },
} as const satisfies Record<string, FactInfo>;

/**
 * Facts of the resources that a policy names (`resources`): `host.resource.NAME.ratio`. They are
 * not in the catalogue, since they come and go with the policy.
 */
const RESOURCE_FACT = /^host\.resource\.(.+)\.ratio$/;

export const RESOURCE_FACT_FORM = 'host.resource.NAME.ratio';

export const RESOURCE_FACT_INFO: FactInfo = {
  type: 'number',
  unit: 'ratio',
  doc:
    'what the guests need of the resource NAME of the policy over what the host has; missing ' +
    'where one of these is not known',
};

/** The resource that the fact is about; undefined: none that a policy names. */
export function resourceOfFact(fact: string): string | undefined {
  return RESOURCE_FACT.exec(fact)?.[1];
}

/**
 * Of which ordinary resource a host is relieved for which these facts (none of a policy's resource)
 * speak: of memory where they are about memory alone, else of CPU.
 */
export function relievedFor(facts: readonly string[]): 'cpu' | 'memory' {
  const isAbout = (word: string): boolean => facts.some((fact) => fact.includes(word));
  return isAbout('memory') && !isAbout('cpu') ? 'memory' : 'cpu';
}

/** What is known about a fact; undefined: there is none of that name. */
export function factInfo(fact: string): FactInfo | undefined {
  if (Object.hasOwn(FACTS, fact)) return FACTS[fact];
  return resourceOfFact(fact) === undefined ? undefined : RESOURCE_FACT_INFO;
}

/** Every fact of the catalogue by name, sorted. */
export const FACTS: Readonly<Record<string, FactInfo>> = makeCatalogue();

function makeCatalogue(): Record<string, FactInfo> {
  const facts: Record<string, FactInfo> = { ...OTHER_FACTS };
  for (const [metric, info] of Object.entries(HOST_METRICS)) {
    for (const statistic of STATISTICS) {
      const unit = statistic === 'slope' ? `${info.unit}/h` : info.unit;
      facts[`host.${metric}.${statistic}`] = { type: 'number', unit, doc: info.doc };
    }
  }
  for (const metric of RATIO_METRICS) {
    for (const statistic of STATISTICS) {
      const unit = statistic === 'slope' ? 'ratio/h' : 'ratio';
      const doc = `${HOST_METRICS[metric].doc}, as a share of the host's capacity`;
      facts[`host.${metric}.ratio.${statistic}`] = { type: 'number', unit, doc };
    }
  }
  for (const component of HEALTH_COMPONENTS) {
    const doc = `health of the host's ${component}: ok, warning or critical`;
    facts[`host.health.${component}`] = { type: 'text', unit: '', doc };
  }
  return Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
