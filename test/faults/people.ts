// Role: people who read plans and act on them, through the door that their commands use. They
// remember what they have saved and what they have handed in; what was answered, the judge hears.
import { assertNever } from '../../src/domain/result.ts';
import type { Api } from '../../src/ports/api.ts';
import { type Bug, planted } from './bugs.ts';
import type { HandedInFile, JudgePeople } from './judge-people.ts';
import type { JudgeRolling } from './judge-rolling.ts';
import type { Errand } from './script.ts';

/** One that answers. */
export interface Door {
  /** Of the controller. */
  readonly name: string;
  readonly api: Api;
}

interface HandedIn {
  readonly id: string;
  /** Where: only there it can be cancelled as a whole. */
  readonly name: string;
}

type Of<Kind extends Errand['kind']> = Extract<Errand, { readonly kind: Kind }>;

const BY = 'berta';

export class People {
  readonly #judge: JudgePeople;
  readonly #rolling: JudgeRolling;
  readonly #bug: Bug;
  #saved: HandedInFile | undefined;
  #applied: HandedIn | undefined;

  constructor(judge: JudgePeople, rolling: JudgeRolling, bug: Bug) {
    this.#judge = judge;
    this.#rolling = rolling;
    this.#bug = bug;
  }

  /** The answer, in words. */
  ask(doors: readonly Door[], errand: Errand): Promise<string> {
    const door = doors[errand.seat % Math.max(1, doors.length)];
    if (door === undefined) return Promise.resolve('nobody answers');
    return this.#ask({ ...door, api: planted(bound(door.api), this.#bug.api) }, errand);
  }

  /** Whatever is left of rolling maintenances ends. */
  async endRolling(api: Api): Promise<void> {
    for (const { id } of await api.rollings()) await this.#steer(api, id, 'cancel');
  }

  #ask(door: Door, errand: Errand): Promise<string> {
    const { api } = door;
    switch (errand.kind) {
      case 'approve':
        return this.#approve(api, errand);
      case 'apply':
        return this.#apply(door, errand);
      case 'cancel-applied':
        return this.#cancelApplied(door);
      case 'rolling':
        return this.#startRolling(api, errand);
      case 'steer-rolling':
        return this.#steerFirst(api, errand.what);
      case 'hooked':
        return order(api, errand);
      case 'evacuate-site':
        return evacuate(api, errand.site);
      case 'return-site':
        return giveBack(api, errand.site);
      default:
        return assertNever(errand, 'errand');
    }
  }

  async #approve(api: Api, { ago }: Of<'approve'>): Promise<string> {
    const plan = this.#judge.shownBefore(ago);
    if (plan === undefined) return 'nothing was shown yet';
    const answered = this.#judge.onApprove(plan);
    const answer = await api.approve(plan, BY);
    answered();
    return answer.ok ? answer.value.text : answer.error.detail;
  }

  async #apply({ name, api }: Door, { isSaved }: Of<'apply'>): Promise<string> {
    const latest = api.latestPlan();
    if (!latest.ok) return latest.error.detail;
    // As it comes out of a file. Nobody hands in what has no moves.
    const plan = JSON.parse(JSON.stringify(latest.value)) as HandedInFile;
    if (!isSaved && plan.moves.length > 0) this.#saved = plan;
    if (this.#saved === undefined) return 'nothing is planned';
    this.#judge.onApply(this.#saved);
    const answer = await api.apply(this.#saved, BY);
    if (!answer.ok) return answer.error.detail;
    this.#applied = { id: answer.value.id, name };
    return `${answer.value.id}: ${answer.value.moves.length} moves`;
  }

  async #cancelApplied({ name, api }: Door): Promise<string> {
    const applied = this.#applied;
    if (applied === undefined) return 'nothing was handed in';
    this.#judge.onCancelAsked();
    const answer = await api.cancel({ name: applied.id, by: BY, withdraw: false });
    if (!answer.ok) return answer.error.detail;
    const { moves, notes, passedOn = [] } = answer.value;
    // Another controller does not go on with it, and knows of its moves alone.
    if (passedOn.length === 0 && applied.name === name) this.#judge.onCancelled(applied.id);
    return [...moves.map(({ text }) => text), ...notes].join('; ');
  }

  async #startRolling(api: Api, { hosts, batch, hook }: Of<'rolling'>): Promise<string> {
    // Those that are under an order would be named, and nothing begun.
    const taken = new Set((await api.orders()).map(({ host }) => host));
    const names = hosts.filter((host) => !taken.has(host));
    const request = { names, batch, hook, reason: 'patches', by: BY, dryRun: false };
    const answer = await api.startRolling(request);
    if (!answer.ok) return answer.error.detail;
    const { id, groups } = answer.value;
    if (id !== null) this.#rolling.onStarted(id, batch);
    const told = groups.map((group) => [...group.hosts, ...group.reasons].join(' '));
    return `${id ?? 'refused'}: ${told.join(', then ')}`;
  }

  async #steerFirst(api: Api, what: Of<'steer-rolling'>['what']): Promise<string> {
    const [first] = await api.rollings();
    return first === undefined ? 'none is under way' : this.#steer(api, first.id, what);
  }

  // oxlint-disable-next-line max-params -- whom, which and what
  async #steer(api: Api, id: string, what: Of<'steer-rolling'>['what']): Promise<string> {
    const answered = this.#rolling.onSteer(id, what);
    const answer = await api.steerRolling(id, what, BY);
    if (!answer.ok) return answer.error.detail;
    answered();
    return `waiting: ${answer.value.waiting.join(' ')}`;
  }
}

/** Its members are called on it, whoever stands before it. */
function bound(api: Api): Api {
  return new Proxy(api, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

async function order(api: Api, { host, hook }: Of<'hooked'>): Promise<string> {
  const by = { kind: 'operator', name: BY } as const;
  const rest = { reason: 'patches', by, dedupeKey: '', deadlineSeconds: null, hook };
  const answer = await api.giveOrder({ kind: 'maintenance', host, ...rest });
  return answer.ok ? answer.value.text : answer.error.detail;
}

async function evacuate(api: Api, name: string): Promise<string> {
  const area = { kind: 'site', name } as const;
  const wanted = { area, reason: 'the power works', by: BY, deadlineSeconds: null };
  const answer = await api.evacuateArea(wanted);
  return answer.ok ? answer.value.map(({ text }) => text).join('; ') : answer.error.detail;
}

async function giveBack(api: Api, name: string): Promise<string> {
  const answer = await api.returnArea({ kind: 'site', name }, BY);
  return answer.ok ? answer.value.map(({ text }) => text).join('; ') : answer.error.detail;
}
