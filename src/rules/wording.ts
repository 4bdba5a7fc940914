/** Findings in words, for people: "host h3: cpu.used.ratio p95 91 % > 85 % for 5 min". */

import { FACTS, factInfo } from '../domain/facts.ts';
import type { Evidence } from '../domain/finding.ts';
import { STATISTICS } from '../domain/measured.ts';
import { GIB } from '../domain/units.ts';

const SYMBOLS: Readonly<Record<string, string>> = {
  lessThan: '<',
  lessThanInclusive: '≤',
  greaterThan: '>',
  greaterThanInclusive: '≥',
  equal: '=',
  notEqual: '≠',
  in: 'is one of',
  notIn: 'is none of',
  contains: 'contains',
  doesNotContain: 'does not contain',
};

/** More conditions than this make a sentence that nobody reads; all are in the evidence. */
const MAX_CONDITIONS = 3;

export function evidenceText(evidence: readonly Evidence[]): string {
  const shown = evidence.slice(0, MAX_CONDITIONS).map(conditionText);
  const rest = evidence.length - shown.length;
  return shown.join(' and ') + (rest > 0 ? ` and ${rest} more` : '');
}

export function conditionText({ fact, operator, threshold, value }: Evidence): string {
  const unit = factInfo(fact)?.unit ?? '';
  // "health.worst critical = critical" would say it twice.
  if (operator === 'equal' && value === threshold) {
    return `${factText(fact)} is ${valueText(value, unit)}`;
  }
  const symbol = SYMBOLS[operator] ?? operator;
  return `${factText(fact)} ${valueText(value, unit)} ${symbol} ${valueText(threshold, unit)}`;
}

/** Of the catalogue, made once: each is said of every host at every tick. */
const FACT_TEXTS: ReadonlyMap<string, string> = new Map(
  Object.keys(FACTS).map((fact) => [fact, spelled(fact)]),
);

/** "host.cpu.used.ratio.p95" → "cpu.used.ratio p95". */
export function factText(fact: string): string {
  return FACT_TEXTS.get(fact) ?? spelled(fact);
}

function spelled(fact: string): string {
  const name = fact.replace(/^host\./u, '');
  const statistic = STATISTICS.find((suffix) => name.endsWith(`.${suffix}`));
  return statistic === undefined ? name : `${name.slice(0, -statistic.length - 1)} ${statistic}`;
}

function valueText(value: unknown, unit: string): string {
  if (Array.isArray(value)) {
    const items = (value as readonly unknown[]).map((item) => valueText(item, unit));
    return items.length === 0 ? 'none' : items.join(', ');
  }
  if (typeof value !== 'number') return String(value);
  const perHour = unit.endsWith('/h') ? '/h' : '';
  switch (perHour === '' ? unit : unit.slice(0, -2)) {
    case 'ratio':
      return `${decimal(value * 100)} %${perHour}`;
    case 'bytes':
      return `${decimal(value / GIB)} GiB${perHour}`;
    case 'bytes/s':
      return `${decimal(value / 1e6)} MB/s${perHour}`;
    case 'celsius':
      return `${decimal(value)} °C${perHour}`;
    case 'watts':
      return `${decimal(value)} W${perHour}`;
    case 'cores':
      return `${decimal(value)} ${value === 1 ? 'core' : 'cores'}${perHour}`;
    default:
      return decimal(value);
  }
}

/** One decimal where it says something. */
function decimal(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** "90 s", "5 min", "3 h", "4 days": the largest unit of which there are at least two. */
export function durationText(seconds: number): string {
  for (const [unit, length] of UNITS) {
    if (seconds >= 2 * length) return `${Math.round(seconds / length)} ${unit}`;
  }
  return `${Math.round(seconds)} s`;
}

const UNITS = [
  ['days', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;
