/**
 * What happens, told to whoever watches: findings and why, plans, moves with their progress, and
 * a summary at the end. Tells each thing once: a plan that stays the same from tick to tick is no
 * news, and many like things at once are one line. Only listens; decides nothing.
 */

import { listed } from '../domain/listed.ts';
import type { EventMap } from '../domain/events.ts';
import type { Finding } from '../domain/finding.ts';
import type { Outcome } from '../domain/journal.ts';
import { orderStateText } from '../domain/order.ts';
import { assertNever } from '../domain/result.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSource } from '../ports/events.ts';
import { printable } from './printable.ts';
import { Batch } from './narrate/batch.ts';
import { Names } from './narrate/names.ts';
import { News } from './narrate/news.ts';
import { PlanTeller } from './narrate/plan-teller.ts';
import { Progress } from './narrate/progress.ts';
import { type Colour, Screen } from './narrate/screen.ts';
import { Tally } from './narrate/tally.ts';
import { countText, dayText, durationText, nameText, sizeText, timeText } from './narrate/text.ts';

export interface NarratorOptions {
  readonly write: (text: string) => void;
  readonly isTty: boolean;
  /** Has no effect without a terminal. */
  readonly colour: boolean;
  /** Whose time the lines carry: in a simulation, the simulated one. */
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Width of the terminal; default 80. */
  readonly columns?: () => number;
  /**
   * Seconds, monotonic, of the one who watches: paces the redrawing where the clock's time runs
   * faster than theirs. Default: the clock's.
   */
  readonly watched?: () => number;
}

export interface Narrator {
  /**
   * What it came to, several lines, each with its line feed; takes the lines drawn in place away.
   * May be asked for after `close`, too.
   */
  readonly summary: () => string;
  /** Writes a line of somebody else's, without disturbing those that are drawn in place. */
  readonly say: (text: string) => void;
  /** Ends the subscription. */
  readonly close: () => void;
}

/** Most findings of one tick that are told one by one. */
const MOST_FINDINGS = 8;
const MOST_NAMES = 6;
const MOST_ERRORS = 5;
/** `evacuation-ordered` is the longest kind. */
const KIND_WIDTH = 18;
/** Under the time of day. */
const INDENT = ' '.repeat(10);

/** True where colours are wanted: on a terminal, unless the environment says NO_COLOR. */
export function wantsColour(isTty: boolean, env: Readonly<Record<string, string | undefined>>) {
  // https://no-color.org: any value but the empty one.
  return isTty && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function narrate(bus: EventSource, options: NarratorOptions): Narrator {
  const teller = new Teller(options);
  const offs = [...teller.followLife(bus), ...teller.followTick(bus), ...teller.followMoves(bus)];
  return {
    summary: () => teller.summary(),
    say: (text) => teller.say(text),
    close: () => {
      for (const off of offs) off();
      teller.settle();
    },
  };
}

class Teller {
  readonly #clock: NarratorOptions['clock'];
  readonly #startedAt: number;
  readonly #screen: Screen;
  readonly #names = new Names();
  readonly #tally = new Tally(this.#names);
  readonly #news = new News();
  readonly #batch: Batch;
  readonly #plans: PlanTeller;
  readonly #progress: Progress;
  #day = '';
  #hasSeenFleet = false;

  constructor(options: NarratorOptions) {
    const { clock, columns = () => 80, watched = () => clock.monotonic(), isTty } = options;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#screen = new Screen({ ...options, columns, colour: options.colour && isTty });
    this.#batch = new Batch((lines) => this.#write(lines));
    const tell = (text: string) => this.#tell(text);
    this.#plans = new PlanTeller({ names: this.#names, screen: this.#screen });
    this.#progress = new Progress({
      screen: this.#screen,
      names: this.#names,
      tell,
      narrated: () => clock.monotonic(),
      watched,
    });
  }

  followLife(bus: EventSource): (() => void)[] {
    return [
      bus.on('started', ({ version, mode }) =>
        this.#tell(this.#bold(`drover ${version} is up, mode ${mode}`)),
      ),
      bus.on('stopping', ({ reason }) => this.#tell(`stopping: ${printable(reason)}`)),
      bus.on('source', (status) => this.#source(status)),
      bus.on('samples-rejected', ({ source, counts, example }) => {
        const reasons = Object.keys(counts).toSorted().join(', ');
        if (this.#news.isNew(`samples ${source}`, reasons))
          this.#tell(
            this.#dim(
              `${source} sends samples that are not used (${reasons}): ${printable(example)}`,
            ),
          );
      }),
      bus.on('policies', ({ revision, files }) =>
        this.#tell(
          this.#dim(
            `policies ${revision.slice(0, 12)} in force: ${countText(files.length, 'file')}`,
          ),
        ),
      ),
      bus.on('policies-refused', ({ errors }) =>
        this.#tell(
          this.#alarm('policy edit refused, the policies before it stay in force'),
          errors.slice(0, MOST_ERRORS).map(printable),
        ),
      ),
      bus.on('paused', ({ paused, by }) =>
        this.#tell(this.#paint('yellow', `${paused ? 'PAUSED' : 'resumed'} by ${printable(by)}`)),
      ),
      bus.on('warning', ({ key, text }) => {
        if (this.#news.isNew(`warning ${key}`, text))
          this.#tell(this.#paint('yellow', `warning: ${printable(text)}`));
      }),
      bus.on('failure', ({ where, error }) => this.#failure(where, error)),
    ];
  }

  followTick(bus: EventSource): (() => void)[] {
    return [
      bus.on('snapshot', ({ snapshot }) => {
        this.#names.learn(snapshot);
        this.#tally.snapshot(snapshot);
        if (this.#hasSeenFleet) return;
        this.#hasSeenFleet = true;
        const hosts = countText(snapshot.hosts.length, 'host');
        this.#tell(`watching ${hosts} with ${countText(snapshot.vms.length, 'VM')}`);
      }),
      bus.on('finding-opened', (finding) => {
        this.#tally.opened(finding);
        this.#batch.add('opened', finding, (findings) => this.#findings(findings));
      }),
      bus.on('finding-cleared', (finding) => {
        this.#tally.cleared(finding);
        this.#batch.add('cleared', finding, (findings) =>
          this.#stamped([
            `${this.#paint('green', 'solved')}  ` +
              listed(
                findings.map(({ text }) => printable(text)),
                MOST_NAMES,
              ),
          ]),
        );
      }),
      bus.on('planned', (event) => {
        this.#tally.planned(event.result.report.unresolved);
        this.#tellAll(this.#plans.planned(event));
      }),
      bus.on('plan-rejected', ({ violations }) =>
        this.#tell(
          this.#alarm(`the checker refused the plan: ${countText(violations.length, 'fault')}`),
          violations
            .slice(0, MOST_ERRORS)
            .map(({ code, detail }) => printable(`${code}: ${detail}`)),
        ),
      ),
      bus.on('gated', (event) => this.#tellAll(this.#plans.gated(event))),
      bus.on('host-state', ({ host, from, to, reason }) => {
        const name = this.#bold(this.#names.host(host));
        this.#tell(`${name}  ${from} → ${to}  ${this.#dim(printable(reason))}`);
      }),
      bus.on('hook', ({ text }) => this.#tell(printable(text))),
      bus.on('order', ({ order, what }) => {
        if (what !== 'repeated') this.#order(order, what);
      }),
    ];
  }

  followMoves(bus: EventSource): (() => void)[] {
    return [
      bus.on('move-stage', ({ move, vmName, stage, phase }) => {
        if (phase === 'undo') {
          if (this.#news.isNew(`undo ${move.id}`, ''))
            this.#tell(`${nameText(vmName)}  taken back at stage ${stage}`);
        } else if (stage !== 'pre-migration' && stage !== 'reservation') {
          this.#progress.begin(move, vmName);
        }
      }),
      bus.on('move-progress', (event) => this.#progress.update(event)),
      bus.on('move-ended', (event) => this.#ended(event)),
    ];
  }

  summary(): string {
    this.settle();
    const length = durationText(this.#clock.monotonic() - this.#startedAt);
    const lines = this.#tally.lines().map((line) => `  ${line}`);
    return [this.#bold(`Summary of ${length}`), ...lines].map((line) => `${line}\n`).join('');
  }

  say(text: string): void {
    this.#tell(printable(text));
  }

  /** Writes what was held back, and leaves nothing drawn in place. */
  settle(): void {
    this.#batch.flush();
    this.#screen.settle();
  }

  #source({ source, state, detail }: EventMap['source']): void {
    if (state === 'up') {
      this.#batch.add('up', source, (sources) =>
        this.#stamped([this.#dim(`source up: ${listed(sources.map(printable), MOST_NAMES)}`)]),
      );
      return;
    }
    const colour = state === 'late' ? 'yellow' : 'red';
    this.#tell(
      this.#paint(colour, `source ${printable(source)} is ${state}: ${printable(detail)}`),
    );
  }

  #findings(findings: readonly Finding[]): string[] {
    const urgent = findings.filter(({ tier }) => tier === 'mandatory');
    const shown = [...urgent, ...findings.filter(({ tier }) => tier !== 'mandatory')];
    const lines = shown.slice(0, MOST_FINDINGS).map((finding) => {
      const kind = finding.kind.padEnd(KIND_WIDTH);
      const text = printable(finding.text);
      const colour = finding.tier === 'mandatory' ? 'red' : 'yellow';
      return `${this.#paint(colour, kind)}  ${text}  ${this.#dim(cause(finding))}`;
    });
    const more = findings.length - lines.length;
    return this.#stamped(more > 0 ? [...lines, `and ${more} more findings`] : lines);
  }

  #order(order: EventMap['order']['order'], what: 'given' | 'changed'): void {
    const host = this.#names.host(order.host);
    const by = `by ${order.by.kind} ${printable(order.by.name)}`;
    const until = order.deadline === undefined ? '' : `, to be done by ${timeText(order.deadline)}`;
    const state = what === 'given' ? '' : ` is now ${orderStateText(order)}`;
    const text = `order: ${order.kind} ${host}${state}, ${by}${until}: ${printable(order.reason)}`;
    this.#tell(this.#bold(text));
  }

  #failure(where: string, error: unknown): void {
    this.#tally.failed();
    const message = error instanceof Error ? error.message : String(error);
    if (this.#news.isNew(`failure ${where}`, message))
      this.#tell(this.#alarm(`error in ${printable(where)}: ${printable(message)}`));
  }

  #ended({ move, vmName, result }: EventMap['move-ended']): void {
    this.#tally.moved({ move, vmName, result });
    this.#plans.ended(move);
    const name = nameText(vmName);
    if (result.outcome === 'skipped' || result.outcome === 'cancelled') {
      const why = `${result.outcome}: ${printable(result.detail)}`;
      this.#batch.add(why, name, (names) =>
        this.#stamped([
          `– ${countText(names.length, 'move')} ${why} (${listed(names, MOST_NAMES)})`,
        ]),
      );
    } else {
      const route = `${this.#names.host(move.from)} → ${this.#names.host(move.to)}`;
      this.#tell(`${this.#verdict(result.outcome)}  ${name}  ${route}  ${resultText(result)}`);
    }
    this.#progress.end(move);
  }

  #verdict(outcome: Outcome): string {
    switch (outcome) {
      case 'succeeded':
        return this.#paint('green', '✓ moved ');
      case 'failed':
        return this.#paint('red', '✗ failed');
      case 'needs-human':
        return this.#paint('red', '✗ NEEDS A HUMAN');
      case 'skipped':
      case 'cancelled':
        return `– ${outcome}`;
      default:
        return assertNever(outcome, 'outcome');
    }
  }

  #tell(text: string, more: readonly string[] = []): void {
    this.#tellAll([text, ...more]);
  }

  /** The first line carries the time. */
  #tellAll(lines: readonly string[]): void {
    this.#batch.flush();
    if (lines.length > 0) this.#write(this.#stamped(lines));
  }

  #write(lines: readonly string[]): void {
    const day = dayText(this.#clock.now());
    const isNewDay = day !== this.#day;
    this.#day = day;
    this.#screen.lines(isNewDay ? [this.#dim(`—— ${day} (UTC) ——`), ...lines] : lines);
  }

  #stamped(lines: readonly string[]): string[] {
    const stamp = `${this.#dim(timeText(this.#clock.now()))}  `;
    return lines.map((line, index) => `${index === 0 ? stamp : INDENT}${line}`);
  }

  #paint(colour: Colour, text: string): string {
    return this.#screen.paint(colour, text);
  }

  #bold(text: string): string {
    return this.#paint('bold', text);
  }

  #dim(text: string): string {
    return this.#paint('dim', text);
  }

  #alarm(text: string): string {
    return this.#paint('red', text);
  }
}

function cause({ trigger }: Finding): string {
  switch (trigger.kind) {
    case 'rule':
      return `(rule ${printable(trigger.rule)})`;
    case 'alert':
      return `(alert ${printable(trigger.alert)})`;
    case 'operator':
      return `(ordered by ${printable(trigger.who)})`;
    case 'placement':
      return `(placement rule ${printable(trigger.rule)})`;
    default:
      return assertNever(trigger, 'trigger');
  }
}

function resultText({
  outcome,
  detail,
  seconds,
  downtimeSeconds,
  bytes,
}: EventMap['move-ended']['result']): string {
  if (outcome !== 'succeeded') return printable(detail);
  const words = [
    seconds === undefined ? '' : `in ${durationText(seconds)}`,
    downtimeSeconds === undefined
      ? 'downtime not known'
      : `downtime ${durationText(downtimeSeconds)}`,
    bytes === undefined ? '' : sizeText(bytes),
  ];
  return words.filter((word) => word !== '').join(', ');
}
