/** Tells of plans and verdicts what was not told before. */

import type { EventMap } from '../../domain/events.ts';
import { own } from '../../domain/own.ts';
import type { Move, Unresolved } from '../../domain/plan.ts';
import { printable } from '../printable.ts';
import type { Names } from './names.ts';
import { News, withoutFigures } from './news.ts';
import { gateLines, objectiveText, planHeadline, planLines, unresolvedLines } from './plan-text.ts';
import type { Screen } from './screen.ts';
import { countText, nameText } from './text.ts';

export class PlanTeller {
  readonly #names: Names;
  readonly #screen: Screen;
  readonly #news = new News();
  /** What the newest plan said; it is news again only when a plan came between without it. */
  #told = new Set<string>();
  #unresolved = new Set<string>();
  #notes = new Set<string>();
  #contradictions = new Set<string>();
  #vmOfMove = new Map<string, string>();

  constructor(parts: { readonly names: Names; readonly screen: Screen }) {
    this.#names = parts.names;
    this.#screen = parts.screen;
  }

  /** No lines: there is nothing new in it. */
  planned({ result, vmNames }: EventMap['planned']): string[] {
    const { plan, report } = result;
    const { moves } = plan;
    this.#vmOfMove = new Map(
      moves.map(({ id, vm }) => [id, nameText(own(vmNames, vm) ?? this.#names.vm(vm))]),
    );
    const fresh = moves.filter((move) => !this.#told.has(keyOf(move)));
    // A move that left the plan without having ended is news if it comes back.
    this.#told = new Set(moves.map(keyOf));
    const lines = fresh.length === 0 ? [] : this.#moveLines(plan, fresh, vmNames);
    return [
      ...lines,
      ...this.#contradictionLines(report.contradictions?.map(({ text }) => text)),
      ...this.#openLines(report.unresolved),
      ...this.#noteLines(report.notes),
    ];
  }

  /** No lines: nothing is held back that was not already. */
  gated({ verdicts }: EventMap['gated']): string[] {
    const lines = gateLines(verdicts, (move) => this.#vmOfMove.get(move) ?? nameText(move));
    const isNew = this.#news.isNew('gate', lines.join('\n'));
    return isNew ? lines.map((line) => this.#screen.paint('yellow', line)) : [];
  }

  ended(move: Move): void {
    this.#told.delete(keyOf(move));
  }

  #moveLines(
    plan: EventMap['planned']['result']['plan'],
    fresh: readonly Move[],
    vmNames: EventMap['planned']['vmNames'],
  ): string[] {
    const { before, after } = plan.objective;
    const known = plan.moves.length - fresh.length;
    const words = [
      `plan: ${planHeadline(fresh)}`,
      known === 0 ? undefined : `beside ${countText(known, 'move')} of before`,
      objectiveText(before, after),
    ];
    const headline = words.filter((word) => word !== undefined).join('; ');
    return [this.#screen.paint('bold', headline), ...planLines(fresh, vmNames, this.#names)];
  }

  #openLines(unresolved: readonly Unresolved[]): string[] {
    const fresh = unresolved.filter((item) => !this.#unresolved.has(openKeyOf(item)));
    this.#unresolved = new Set(unresolved.map(openKeyOf));
    return unresolvedLines(fresh, this.#names).map((line) =>
      this.#screen.paint('yellow', `not possible: ${line}`),
    );
  }

  /** Undefined: they were not looked for. */
  #contradictionLines(texts: readonly string[] | undefined): string[] {
    if (texts === undefined) return [];
    const fresh = texts.filter((text) => !this.#contradictions.has(text));
    this.#contradictions = new Set(texts);
    return fresh.map((text) => this.#screen.paint('yellow', `contradictory: ${printable(text)}`));
  }

  #noteLines(notes: readonly string[]): string[] {
    const fresh = notes.filter((note) => !this.#notes.has(withoutFigures(note)));
    this.#notes = new Set(notes.map(withoutFigures));
    return fresh.map((note) => this.#screen.paint('dim', printable(note)));
  }
}

/** Another target for a move that still waits is no news: its beginning will name it. */
function keyOf({ vm, from, reason }: Move): string {
  return JSON.stringify([vm, from, reason.finding]);
}

function openKeyOf({ subject, code }: Unresolved): string {
  return JSON.stringify([subject, code]);
}
