/** What a run came to: counted while it goes on, told at its end. */

import { listed } from '../../domain/listed.ts';
import type { EventMap } from '../../domain/events.ts';
import type { Finding } from '../../domain/finding.ts';
import { OUTCOMES } from '../../domain/journal.ts';
import type { Unresolved } from '../../domain/plan.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { CRITICALITIES } from '../../domain/vm.ts';
import { printable } from '../printable.ts';
import type { Names } from './names.ts';
import { unresolvedLines } from './plan-text.ts';
import { countText, durationText, nameText, percentText, sizeText, tallyText } from './text.ts';

const MOST_OPEN = 8;
const LABEL_WIDTH = 14;

type Ended = EventMap['move-ended'];

export class Tally {
  readonly #names: Names;
  readonly #ended: Ended[] = [];
  readonly #open = new Map<string, Finding>();
  #opened = 0;
  #cleared = 0;
  #failures = 0;
  #unresolved: readonly Unresolved[] = [];
  #first: number | undefined;
  #latest: number | undefined;

  constructor(names: Names) {
    this.#names = names;
  }

  snapshot(snapshot: Snapshot): void {
    this.#latest = busiest(snapshot) ?? this.#latest;
    this.#first ??= this.#latest;
  }

  opened(finding: Finding): void {
    this.#opened += 1;
    this.#open.set(finding.id, finding);
  }

  cleared(finding: Finding): void {
    this.#cleared += 1;
    this.#open.delete(finding.id);
  }

  planned(unresolved: readonly Unresolved[]): void {
    this.#unresolved = unresolved;
  }

  moved(event: Ended): void {
    this.#ended.push(event);
  }

  failed(): void {
    this.#failures += 1;
  }

  /** Label and text of each line. */
  lines(): string[] {
    return [
      ...labelled('moves', this.#moveLines()),
      ...labelled('downtime', this.#downtimeLines()),
      ...labelled('busiest host', this.#loadLines()),
      ...labelled('findings', [
        `${this.#opened} opened, ${this.#cleared} cleared, ${this.#open.size} open`,
      ]),
      ...labelled('still open', this.#openLines()),
      ...labelled('not possible', unresolvedLines(this.#unresolved, this.#names)),
      ...labelled('needs a human', this.#humanLines()),
      ...labelled(
        'errors',
        this.#failures === 0 ? [] : [`${countText(this.#failures, 'error')} of the daemon`],
      ),
    ];
  }

  #moveLines(): string[] {
    if (this.#ended.length === 0) return ['none'];
    const bytes = this.#ended.reduce((sum, { result }) => sum + (result.bytes ?? 0), 0);
    const all = tallyText(outcomes(this.#ended), OUTCOMES);
    const ranks = CRITICALITIES.flatMap((criticality) => {
      const ended = this.#ended.filter(({ move }) => move.criticality === criticality);
      return ended.length === 0 ? [] : [`${criticality}: ${tallyText(outcomes(ended), OUTCOMES)}`];
    });
    return [`${all}; ${sizeText(bytes)} moved`, ...ranks];
  }

  #downtimeLines(): string[] {
    const measured = this.#ended.flatMap(({ vmName, result }) =>
      result.outcome === 'succeeded' && result.downtimeSeconds !== undefined
        ? [{ vmName, seconds: result.downtimeSeconds }]
        : [],
    );
    const [first] = measured;
    if (first === undefined) return [];
    const worst = measured.reduce((a, b) => (b.seconds > a.seconds ? b : a), first);
    const mean = measured.reduce((sum, { seconds }) => sum + seconds, 0) / measured.length;
    const whose = nameText(worst.vmName);
    return [`mean ${durationText(mean)}, worst ${durationText(worst.seconds)} (${whose})`];
  }

  #loadLines(): string[] {
    if (this.#first === undefined || this.#latest === undefined) return [];
    return [`${percentText(this.#first)} CPU at the start, ${percentText(this.#latest)} now`];
  }

  #openLines(): string[] {
    const texts = [...this.#open.values()].map(({ text }) => printable(text));
    const more = texts.length - MOST_OPEN;
    return more > 0 ? [...texts.slice(0, MOST_OPEN), `and ${more} more`] : texts;
  }

  #humanLines(): string[] {
    const vms = this.#ended.filter(({ result }) => result.outcome === 'needs-human');
    return vms.length === 0
      ? []
      : [
          listed(
            vms.map(({ vmName }) => nameText(vmName)),
            MOST_OPEN,
          ),
        ];
  }
}

function outcomes(ended: readonly Ended[]): string[] {
  return ended.map(({ result }) => result.outcome);
}

function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)} ${line}`);
}

/** The highest mean CPU use among hosts that answer, as a share of their threads. */
function busiest(snapshot: Snapshot): number | undefined {
  let highest: number | undefined;
  for (const { connection, cpu, metrics } of snapshot.hosts) {
    const mean = metrics['cpu.used']?.mean;
    if (connection !== 'connected' || mean?.kind !== 'known' || cpu.threads <= 0) continue;
    const share = mean.value / cpu.threads;
    if (highest === undefined || share > highest) highest = share;
  }
  return highest;
}
