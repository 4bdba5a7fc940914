// Role: the instruments of `bench evacuate`: when the first mission-critical VM was started,
// whether the ledger had each start on disk before it, and how long its writes took.
import type { MoveId } from '../../src/domain/ids.ts';
import type { EventSource } from '../../src/ports/events.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';

/** Milliseconds of the machine's own clock, which all its processes share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class StartWatch {
  /** Moves whose pre-copy the ledger has on disk as about to begin. */
  readonly #announced = new Set<MoveId>();
  readonly #critical = new Set<string>();
  readonly #writeMs: number[] = [];
  #firstOpenedAt = 0;
  #firstStartAt = 0;
  #starts = 0;
  #undurable = 0;
  #ended = 0;
  #succeeded = 0;
  #plans = 0;

  hypervisor(inner: Hypervisor): Hypervisor {
    return new Proxy(inner, {
      get: (target, name) => {
        if (name !== 'startMove') {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        const startMove: Hypervisor['startMove'] = (order, signal) => {
          this.#starts += 1;
          if (!this.#announced.has(order.move)) this.#undurable += 1;
          if (this.#critical.has(order.vm)) this.#firstStartAt ||= machineMs();
          return target.startMove(order, signal);
        };
        return startMove;
      },
    });
  }

  ledger(inner: Ledger): Ledger {
    const timed = async <T>(write: Promise<T>): Promise<T> => {
      const began = machineMs();
      const answer = await write;
      this.#writeMs.push(machineMs() - began);
      return answer;
    };
    return new Proxy(inner, {
      get: (target, name) => {
        switch (name) {
          case 'openMove': {
            const openMove: Ledger['openMove'] = async (record) => {
              const isOpen = await timed(target.openMove(record));
              if (record.move.criticality === 'mission-critical') {
                this.#critical.add(record.move.vm);
                this.#firstOpenedAt ||= machineMs();
              }
              return isOpen;
            };
            return openMove;
          }
          case 'addStages': {
            const addStages: Ledger['addStages'] = async (entries, held) => {
              await timed(target.addStages(entries, held));
              for (const { move, stage } of entries)
                if (stage === 'pre-copy') this.#announced.add(move);
            };
            return addStages;
          }
          default: {
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          }
        }
      },
    });
  }

  events(events: Pick<EventSource, 'on'>): () => void {
    const offs = [
      events.on('move-ended', ({ result }) => {
        this.#ended += 1;
        if (result.outcome === 'succeeded') this.#succeeded += 1;
      }),
      events.on('planned', () => {
        this.#plans += 1;
      }),
    ];
    return () => {
      for (const off of offs) off();
    };
  }

  figures(): Readonly<Record<string, number>> {
    const sorted = this.#writeMs.toSorted((a, b) => a - b);
    return {
      firstOpenedAt: this.#firstOpenedAt,
      firstStartAt: this.#firstStartAt,
      starts: this.#starts,
      startsNotOnDisk: this.#undurable,
      movesEnded: this.#ended,
      movesSucceeded: this.#succeeded,
      plans: this.#plans,
      journalWrites: sorted.length,
      journalWriteMedianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
      journalWriteP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      journalWriteMaxMs: sorted.at(-1) ?? 0,
    };
  }
}
