// Role: what lies between a daemon and its ports: every call is told to the judge, before it has an
// effect and after, and written into the trace; the ledger's disk breaks here, and the way to it.
import type { Host } from '../../src/domain/host.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Fencing } from '../../src/ports/fencing.ts';
import type { HostProbe } from '../../src/ports/host-probe.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Leases } from '../../src/ports/leases.ts';
import { type Ledger, LedgerError, type PutOrder } from '../../src/ports/ledger.ts';
import type { Judge } from './judge.ts';
import type { Trace } from './trace.ts';

const WRITES: ReadonlySet<string> = new Set<keyof Ledger>([
  ...([
    'recordDecision',
    'keepInputs',
    'openMove',
    'addUnbegun',
    'addStages',
    'closeMove',
  ] as const),
  'release',
  ...([
    'putOrder',
    'putOrders',
    'changeOrder',
    'showPlan',
    'giveApprovals',
    'markHosts',
    'saveRuleMemory',
  ] as const),
  ...(['setPaused', 'addHistory', 'noteFencing', 'prune'] as const),
  ...(['askCancel', 'beginCancel', 'endCancel', 'expireCancels'] as const),
]);

/** The next writes that fail, for one run. */
export class Disk {
  #effect: 'full' | 'reply-lost' = 'full';
  #times = 0;
  /** Whether it ever broke: failures that are announced are no surprise then. */
  hasBroken = false;

  break(effect: 'full' | 'reply-lost', times: number): void {
    this.#effect = effect;
    this.#times = times;
    this.hasBroken = true;
  }

  heal(): void {
    this.#times = 0;
  }

  take(call: string): 'full' | 'reply-lost' | undefined {
    if (this.#times === 0 || !WRITES.has(call)) return undefined;
    this.#times -= 1;
    return this.#effect;
  }
}

/** One controller's way to the ledger. */
export class Way {
  readonly #clock: Clock;
  #cutUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  cut(forSeconds: number): void {
    this.#cutUntil = this.#clock.monotonic() + forSeconds;
  }

  heal(): void {
    this.#cutUntil = Number.NEGATIVE_INFINITY;
  }

  /** Throws where there is no getting through. */
  pass(): void {
    if (this.#clock.monotonic() >= this.#cutUntil) return;
    throw new LedgerError('unreachable', 'injected: this controller is cut off');
  }
}

export interface Watching {
  readonly judge: Judge;
  readonly trace: Pick<Trace, 'say'>;
  readonly disk: Disk;
  readonly way: Way;
  /** Id of the controller whose ports these are. */
  readonly by: string;
}

const LEASE_CALLS: ReadonlySet<string> = new Set<keyof Leases>([
  'leaseBoard',
  'claimLease',
  'renewLeases',
  'releaseLeases',
  'stopLease',
  'liftStop',
  'forgetController',
]);

/**
 * The store of one life of the daemon: closing it leaves it to the lives that follow. Only its
 * leases are used as they are here: the rest passes by watchedLedger.
 */
export function outliving(ledger: Ledger, leases: Leases): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      if (name === 'close') return () => Promise.resolve();
      const from = LEASE_CALLS.has(String(name)) ? leases : target;
      const member: unknown = Reflect.get(from, name);
      return typeof member === 'function' ? (member.bind(from) as unknown) : member;
    },
  });
}

export function watchedLeases(leases: Leases, { judge, way, by }: Watching): Leases {
  return wrap(leases, async (call, parts, act) => {
    way.pass();
    const value = await act();
    judge.onLeaseAnswer(call, parts, { value, by });
    return value;
  });
}

/** What is put in the place of an order is in no answer of the ledger: the judge is told here. */
function tellingSuccessors(ledger: Ledger, judge: Judge): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'changeOrder') return member.bind(target) as unknown;
      const changeOrder: Ledger['changeOrder'] = async (id, change) => {
        let put: PutOrder | undefined;
        const changed = await target.changeOrder(id, (now) => {
          const next = change(now);
          put = next?.successor;
          return next;
        });
        if (put !== undefined) judge.onLedgerAnswer('putOrders', [[put]], undefined);
        return changed;
      };
      return changeOrder;
    },
  });
}

/** The ledger as one life of the daemon has it: it can close it, and others go on using it. */
export function watchedLedger(ledger: Ledger, watching: Watching): Ledger {
  const { judge, trace, disk, way, by } = watching;
  judge.onReborn(by);
  let isClosed = false;
  return wrap(tellingSuccessors(ledger, judge), async (call, parts, act) => {
    if (call === 'close') {
      isClosed = true;
      return undefined;
    }
    if (isClosed) throw new LedgerError('closed', 'the ledger is closed');
    way.pass();
    judge.onLedgerCall(call, parts, by);
    const broken = disk.take(call);
    if (broken === 'full') {
      trace.say('ledger', `${call} fails: the disk is full`);
      judge.onLedgerRefusal(call, parts);
      throw new LedgerError('full', 'injected: the disk is full');
    }
    const value = await act();
    trace.say('ledger', WRITES.has(call) ? `${call} ${textOf(parts)}` : call);
    if (broken === 'reply-lost') judge.onLedgerReplyLost(call, parts, by);
    judge.onLedgerRead(call, parts, by);
    judge.onLedgerAnswer(call, parts, value);
    if (broken === 'reply-lost') throw new LedgerError('io', 'injected: the answer was lost');
    return value;
  });
}

export function watchedHypervisor(
  hypervisor: Hypervisor,
  { judge, trace, by }: Watching,
): Hypervisor {
  return wrap(hypervisor, async (call, parts, act) => {
    trace.say('asks', `${call} ${textOf(parts)}`);
    judge.onHypervisorCall(call, parts, by);
    try {
      const value = await act();
      trace.say(
        'hears',
        `${call}${call === 'inventory' || call === 'read' ? '' : ` ${textOf([value])}`}`,
      );
      judge.onHypervisorAnswer(call, parts, value);
      return value;
    } catch (error) {
      trace.say('hears', `${call} ${String(error)}`);
      throw error;
    }
  });
}

type Power = Fencing & HostProbe;

export function watchedPower(
  power: Power,
  { judge, trace, by }: Pick<Watching, 'judge' | 'trace' | 'by'>,
): Power {
  return wrap(power, async (call, parts, act) => {
    const { id } = parts[0] as Pick<Host, 'id'>;
    if (call === 'off') judge.onPowerOff(id, by);
    const answer = act();
    const told = answer.then(
      (value) => JSON.stringify(value) ?? '',
      (error: unknown) => String(error),
    );
    trace.say('power', `${call} ${id} ${await told}`);
    return answer;
  });
}

type Around = (
  call: string,
  parts: readonly unknown[],
  act: () => Promise<unknown>,
) => Promise<unknown>;

function wrap<Port extends object>(port: Port, around: Around): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]) =>
        around(String(name), parts, async () => (await member.apply(target, parts)) as unknown);
    },
  });
}

/** What matters of the arguments: short, and the same in every run. */
function textOf(parts: readonly unknown[]): string {
  const shown = parts.filter((part) => !(part instanceof AbortSignal));
  return JSON.stringify(shown, (key, value: unknown) => (LONG.has(key) ? undefined : value)) ?? '';
}

const LONG: ReadonlySet<string> = new Set([
  'findings',
  'predicted',
  'rejected',
  'evidence',
  'pairs',
  'counts',
  'moves',
  'objective',
  // Not the same bytes in two equal runs: a number is packed as the engine happens to hold it.
  'packed',
]);
