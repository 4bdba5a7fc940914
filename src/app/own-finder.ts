/**
 * The daemon looks for the VM that it runs in (rules/found-own.ts), protects it where no policy
 * names it, and says so; where it cannot tell, it says that, too. A machine that is none of the VMs
 * needs no word: most controllers run elsewhere.
 */

import type { DaemonConfig } from '../config/daemon.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EventSink } from '../ports/events.ts';
import { unnamedIn, withFound } from '../rules/found-own.ts';
import type { Machine } from './own-machine.ts';

export interface OwnFinderParts {
  /** What it runs on; undefined: its VM is not looked for. */
  readonly machine: Machine | undefined;
  readonly controller: string;
  readonly events: EventSink;
}

/** Simulated VMs carry nobody. */
export function findsOwnVm({ controller, sources }: DaemonConfig): boolean {
  return controller.findOwnVm && sources.some(({ kind }) => kind !== 'simulated');
}

export class OwnFinder {
  readonly #parts: OwnFinderParts;
  /** What was said last: each thing is said once. */
  #said = '';

  constructor(parts: OwnFinderParts) {
    this.#parts = parts;
  }

  /** The snapshot, with what the policies say of its VMs in it, and what was found beside that. */
  mark(snapshot: Snapshot): Snapshot {
    const { machine, controller } = this.#parts;
    if (machine === undefined) return snapshot;
    this.#say(ownText(machine, snapshot) ?? '');
    return machine.kind === 'known'
      ? withFound(snapshot, { uuid: machine.uuid, controller })
      : snapshot;
  }

  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    if (text !== '') this.#parts.events.emit('warning', { key: 'own-machine', text });
  }
}

/** What an operator should know of it; undefined: the policies say it, or it is no VM here. */
export function ownText(machine: Machine, snapshot: Pick<Snapshot, 'vms'>): string | undefined {
  if (machine.kind === 'unknown') {
    const isNamed = snapshot.vms.some(({ own }) => own?.roles.includes('controller') === true);
    return isNamed ? undefined : `${UNKNOWN}: ${machine.why}; ${ADVICE}`;
  }
  const names = unnamedIn(snapshot, machine.uuid).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return `this controller runs in the VM ${names.join(' or ')}: protected; name it under own`;
}

const UNKNOWN = 'whether this controller runs in a VM of the fleet is not known';
const ADVICE = 'name its VM under own, or set controller.findOwnVm: false';
