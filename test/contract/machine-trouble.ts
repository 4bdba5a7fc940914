// Role: a hypervisor and a ledger as the move machine sees them in the suite: both are the real
// ones, watched, and made to fail where a case says so. The stage that a call belongs to is the one
// that was last written down.
import type { Stage } from '../../src/domain/journal.ts';
import { fail } from '../../src/domain/result.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import { LedgerError, type Ledger } from '../../src/ports/ledger.ts';
import { AdapterError } from '../../src/ports/metric-source.ts';

/**
 * What happens to one call: it never arrives, its answer is lost, it is declined, it hangs, or it
 * seems lost and arrives when nobody expects it any more.
 */
export const CALL_FAULTS = ['lost-call', 'lost-answer', 'declined', 'hangs', 'late'] as const;
export type CallFault = (typeof CALL_FAULTS)[number];

const ASKED = ['precheck', 'startMove', 'job', 'steer', 'abort', 'commit', 'cleanUp', 'locate'];
/** What changes something. */
export const ORDERED = ['startMove', 'steer', 'abort', 'commit', 'cleanUp'];
export const WRITTEN = ['openMove', 'addStages', 'closeMove', 'release'];

/** Of a late call; the machine believes what it has seen twice, 3 s apart. */
export const LATE_SECONDS = seconds(2);

export interface Call {
  readonly name: string;
  /** Undefined: before the first. */
  readonly stage: Stage | undefined;
  /** Of a write: all that it writes down, which is done at once or not. */
  readonly stages?: readonly Stage[];
}

export class Trouble {
  /** Every call to the hypervisor about the move, in order. */
  readonly calls: Call[] = [];
  readonly writes: Call[] = [];
  refuseStarts = false;
  /** What goes wrong with the call of this number, from 0. */
  callFault: { readonly at: number; readonly fault: CallFault } | undefined;
  /** Which write fails, from 0, and whether it was written all the same. */
  writeFault: { readonly at: number; readonly when: 'before' | 'after' } | undefined;
  /** What happened that never may. */
  readonly wrongs: string[] = [];
  #stage: Stage | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hypervisor(inner: Hypervisor): Hypervisor {
    return intercept(inner, (name, act) =>
      ASKED.includes(name) ? this.#call(name, inner, act) : act(),
    );
  }

  ledger(inner: Ledger): Ledger {
    return intercept(inner, (name, act, [first]) =>
      WRITTEN.includes(name) ? this.#write(name, act, first) : act(),
    );
  }

  async #call(name: string, { source }: Hypervisor, act: () => Promise<unknown>): Promise<unknown> {
    const number = this.calls.push({ name, stage: this.#stage }) - 1;
    const fault = this.callFault?.at === number ? this.callFault.fault : undefined;
    if (ORDERED.includes(name) && this.#stage === undefined) {
      this.wrongs.push(`${name} before anything was written down`);
    }
    if (name === 'startMove' && this.#stage !== 'pre-copy') {
      this.wrongs.push(`started in ${this.#stage ?? 'no stage'}`);
    }
    const isDeclined = fault === 'declined' || (name === 'startMove' && this.refuseStarts);
    if (isDeclined && ORDERED.includes(name)) return fail({ code: 'refused', detail: 'declined' });
    if (fault === 'lost-call') throw new AdapterError('lost', source, `${name} never arrived`);
    if (fault === 'hangs') return new Promise<never>(() => undefined);
    if (fault === 'late') {
      void this.#clock
        .sleep(LATE_SECONDS)
        .then(act)
        .catch(() => undefined);
      throw new AdapterError('lost', source, `${name} seems lost`);
    }
    const answer = await act();
    if (fault === 'lost-answer') throw new AdapterError('lost', source, `${name}: answer lost`);
    return answer;
  }

  async #write(name: string, act: () => Promise<unknown>, first: unknown): Promise<unknown> {
    const entries = name === 'addStages' ? (first as Parameters<Ledger['addStages']>[0]) : [];
    const stages = entries.map(({ stage }) => stage);
    this.#stage = stages.at(-1) ?? this.#stage;
    const number = this.writes.push({ name, stage: this.#stage, stages }) - 1;
    const when = this.writeFault?.at === number ? this.writeFault.when : undefined;
    if (when === 'before') throw new LedgerError('full', 'as scripted');
    const answer = await act();
    if (when === 'after') throw new LedgerError('io', 'as scripted');
    return answer;
  }
}

type Act = () => Promise<unknown>;

function intercept<Port extends object>(
  port: Port,
  around: (name: string, act: Act, parts: readonly unknown[]) => Promise<unknown>,
): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]) =>
        around(String(name), async () => member.apply(target, parts) as unknown, parts);
    },
  });
}
