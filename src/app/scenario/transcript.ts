/**
 * The transcript of a scenario: what the daemon announces, one line each, in a plain form that
 * stays the same as long as the behaviour does. Things that did not change are not said again.
 */

import type { GateVerdict } from '../../domain/journal.ts';
import { orderStateText } from '../../domain/order.ts';
import type { Move, PlanResult, Unresolved } from '../../domain/plan.ts';
import type { Refusal } from '../../domain/refusal.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventSource } from '../../ports/events.ts';

const KIND_WIDTH = 10;
/** Files lie elsewhere on every machine. */
const FOLDER = /\/\S*\//g;
/** Nobody reads them, and they change with every figure of the snapshot. */
const MOVE_ID = /move-[0-9a-f]{16}/g;

export interface TranscriptEntry {
  /** Since the scenario began. */
  readonly atSeconds: number;
  /** `>>`: it happens to Drover; else what Drover tells. */
  readonly kind: string;
  readonly text: string;
  readonly details: readonly string[];
}

export class Transcript {
  readonly entries: TranscriptEntry[] = [];
  readonly #clock: Clock;
  /** What was last said about a subject. */
  readonly #said = new Map<string, string>();
  /** Of the moves under way: the last stage that was begun. */
  readonly #stages = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  say(kind: string, told: string, details: readonly string[] = []): void {
    const [text = '', ...more] = [told, ...details].map((line) => stable(line));
    this.entries.push({ atSeconds: this.#clock.monotonic(), kind, text, details: more });
  }

  get lines(): readonly string[] {
    return this.entries.flatMap(({ atSeconds, kind, text, details }) => {
      const head = `${timeText(atSeconds)}  ${kind.padEnd(KIND_WIDTH)} `;
      const under = details.map((line) => `${' '.repeat(head.length)}${line}`);
      return [`${head}${text}`, ...under].map((line) => line.trimEnd());
    });
  }

  /** A process that starts knows nothing of what was said before. */
  follow(bus: EventSource): () => void {
    this.#said.clear();
    this.#stages.clear();
    const offs = [...this.#followTick(bus), ...this.#followMoves(bus), ...this.#followLife(bus)];
    return () => {
      for (const off of offs) off();
    };
  }

  #followTick(bus: EventSource): (() => void)[] {
    return [
      bus.on('finding-opened', (finding) =>
        this.say('finding', `${finding.kind}, ${finding.tier}: ${finding.text}`),
      ),
      bus.on('finding-cleared', (finding) => this.say('cleared', finding.text)),
      bus.on('planned', ({ result }) => this.#plan(result)),
      bus.on('plan-rejected', ({ violations }) =>
        this.say(
          'REJECTED',
          'the checker found faults in the plan',
          violations.map(({ code, move, detail }) => `${code} ${move ?? ''}: ${detail}`),
        ),
      ),
      bus.on('gated', ({ verdicts }) => this.#gate(verdicts)),
      bus.on('host-state', ({ host, from, to, reason }) =>
        this.say('host', `${host}: ${from} -> ${to} (${reason})`),
      ),
      // Those of single VMs show in the plans.
      bus.on('breaker', ({ name, state }) => {
        if (!name.startsWith('vm:')) this.say('breaker', `${name}: ${state}`);
      }),
      bus.on('hook', ({ text }) => this.say('hook', text)),
      bus.on('host-failure', ({ host, from, to, reason }) => {
        // Of a host that is only unreachable a rule of the policy speaks.
        const isOnlyUnreachable = [from, to].includes('well') && [from, to].includes('unreachable');
        if (!isOnlyUnreachable) this.say('failure', `${host}: ${from} -> ${to} (${reason})`);
      }),
      bus.on('order', ({ order, what }) =>
        this.say(
          'order',
          `${what}: ${order.kind} of ${order.host}, ${orderStateText(order)}, ` +
            `by ${order.by.kind} ${order.by.name}: ${order.reason}`,
        ),
      ),
    ];
  }

  #followMoves(bus: EventSource): (() => void)[] {
    return [
      bus.on('move-stage', ({ move, stage, phase }) => {
        const isOurs = this.#stages.has(move.id);
        if (phase === 'before') this.#stages.set(move.id, stage);
        if (phase === 'before' && stage === 'pre-copy') {
          // Who takes a move up in the middle has found it in the ledger.
          this.say(isOurs ? 'start' : 'adopted', wayOf(move));
        }
        if (phase === 'undo') this.say('undo', `${move.vm} at ${stage}`);
      }),
      bus.on('move-ended', ({ move, result }) => {
        const { outcome, detail, seconds, downtimeSeconds } = result;
        const figures = [
          seconds === undefined ? '' : `in ${seconds.toFixed(1)} s`,
          downtimeSeconds === undefined ? '' : `downtime ${Math.round(1000 * downtimeSeconds)} ms`,
          outcome === 'succeeded' ? '' : `at ${this.#stages.get(move.id) ?? 'the gate'}`,
          detail,
        ];
        const told = figures.filter((part) => part !== '').join(', ');
        this.say(
          outcome === 'succeeded' ? 'done' : outcome.toUpperCase(),
          `${wayOf(move)}: ${told}`,
        );
        this.#stages.delete(move.id);
      }),
    ];
  }

  #followLife(bus: EventSource): (() => void)[] {
    return [
      bus.on('source', ({ source, state, detail }) =>
        this.say('source', `${source} is ${state}${detail === '' ? '' : `: ${detail}`}`),
      ),
      bus.on('samples-rejected', ({ source, counts, example }) => {
        const reasons = Object.keys(counts).toSorted().join(', ');
        if (this.#isNew(`samples ${source}`, reasons))
          this.say('samples', `${source}: thrown away (${reasons}), as ${example}`);
      }),
      bus.on('policies', () => this.say('policies', 'the edit is in force')),
      bus.on('policies-refused', ({ errors }) =>
        this.say('policies', 'the edit is refused, the policies before it stay in force', errors),
      ),
      bus.on('paused', ({ paused, by }) => this.say(paused ? 'paused' : 'resumed', `by ${by}`)),
      bus.on('warning', ({ key, text }) => {
        if (this.#isNew(`warning ${key}`, text)) this.say('warning', text);
      }),
      bus.on('failure', ({ where, error }) => {
        const message = error instanceof Error ? error.message : String(error);
        if (this.#isNew(`failure ${where}`, message)) this.say('FAILURE', `${where}: ${message}`);
      }),
    ];
  }

  #plan({ plan, report }: PlanResult): void {
    const lines = [
      ...[...Map.groupBy(plan.moves, ({ reason }) => reason.text)].flatMap(([reason, moves]) => [
        `because ${reason}`,
        ...moves.map((move) => `  ${moveText(move)}`),
      ]),
      ...(report.contradictions ?? []).map(({ text }) => `contradictory: ${text}`),
      ...report.unresolved.flatMap(openLines),
      ...report.notes.map((note) => `note: ${note}`),
    ];
    if (!this.#isNew('plan', withoutFigures(lines.join('\n')))) return;
    const { length } = plan.moves;
    this.say('plan', length === 1 ? '1 move' : `${length === 0 ? 'no' : length} moves`, lines);
  }

  #gate(verdicts: readonly GateVerdict[]): void {
    const held = verdicts.filter(({ verdict }) => verdict !== 'execute');
    const lines = held.map(({ verdict, mode, refusals }) => {
      return refusals.length === 0
        ? `${verdict}, mode ${mode}`
        : `${verdict}: ${refusals.map(refusalText).join('; ')}`;
    });
    const text = [...new Set(lines)];
    if (!this.#isNew('gate', withoutFigures(text.join('\n'))) || text.length === 0) return;
    this.say('gate', `${held.length} of ${verdicts.length} not carried out`, text);
  }

  #isNew(subject: string, text: string): boolean {
    if (this.#said.get(subject) === text) return false;
    this.#said.set(subject, text);
    return true;
  }
}

function stable(line: string): string {
  return line.replaceAll(FOLDER, '').replaceAll(MOVE_ID, 'another move');
}

function moveText(move: Move): string {
  const after = move.dependsOn.length === 0 ? '' : `, after ${move.dependsOn.length} other`;
  const refused = move.rejected
    .filter(({ code }) => code !== 'no-gain')
    .map(({ host, code }) => `; not ${host}: ${code}`);
  const what = `${move.method}, ${move.tier}, ${move.criticality}`;
  return `${wayOf(move)}  ${what}${after}${refused.join('')}`;
}

function wayOf({ vm, from, to }: Move): string {
  return `${vm}: ${from} -> ${to}`;
}

function openLines({ subject, code, detail, pairs, unlisted = {} }: Unresolved): string[] {
  const who = subject.kind === 'vm' ? `VM ${subject.vm}` : `host ${subject.host}`;
  return [
    `open: ${who}: ${code}: ${detail}`,
    ...pairs.map((pair) => `  ${refusalText(pair)}`),
    ...Object.entries(unlisted).map(([why, count]) => `  and ${count} more: ${why}`),
  ];
}

function refusalText({ vm, host, code, detail }: Refusal): string {
  return `${vm} -> ${host}: ${code}${detail === '' ? '' : ` (${detail})`}`;
}

/** A plan in which only seconds and percents differ is the same plan. */
function withoutFigures(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? (%|s\b|CPU|GiB|MiB|min)/g, '#');
}

/** Since the scenario began. */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
