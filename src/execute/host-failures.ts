/**
 * The one owner of what is known of failed hosts: judges their signs once a tick, has the power of
 * those cut that the policy says so, keeps everything in the ledger, and vouches to the executor
 * that a host is dead before anything of it is started elsewhere.
 */

import {
  type HostFailure,
  type HostFailureRecord,
  type HostFailureState,
  isHeldOut,
  isSameFailure,
  type RestartedVm,
  signsText,
} from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { leaseScope } from '../domain/lease.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { Turns } from '../domain/turns.ts';
import { assessHost } from './assess-host.ts';
import { FencingDesk, type Standing } from './fencing-desk.ts';
import { guestsToAsk } from './guest-sign.ts';
import { HostFailureBook } from './host-failure-book.ts';
import {
  deathLines,
  forgottenLine,
  goneText,
  lineOf,
  POWER_HINT,
  powerBackText,
} from './host-failure-lines.ts';
import type { HostFailureParts } from './host-failure-parts.ts';
import { HostLooks } from './host-looks.ts';
import { HostSigns } from './host-signs.ts';
import { modeOf } from './mode.ts';
import { noRestart } from './no-restart.ts';
import { Readmission } from './readmission.ts';
import { justChanged, type ReadmitAnswer } from './readmit-answer.ts';
import type { RestartGuard } from './restart-guard.ts';

export class HostFailures implements RestartGuard {
  readonly #parts: HostFailureParts;
  readonly #signs: HostSigns;
  readonly #looks: HostLooks;
  readonly #fencing: FencingDesk;
  readonly #readmission: Readmission;
  readonly #book: HostFailureBook;
  /** Ticks, beats, moves and readmissions change records: each goes on from what the last left. */
  readonly #turns = new Turns();
  /** As they were last seen: names, sources. */
  readonly #hosts = new Map<HostId, Host>();
  #newest: Snapshot | undefined;

  constructor(parts: HostFailureParts) {
    this.#parts = parts;
    this.#signs = new HostSigns({
      ...parts,
      hosts: () => this.#unfailed(),
      guestsOn: (host) => guestsToAsk(host, this.#newest, this.#book.get(host.id)),
    });
    this.#looks = new HostLooks(parts.clock, parts.everySeconds);
    this.#book = new HostFailureBook(
      parts.ledger,
      (host) => this.#forget(host),
      (id) => {
        const host = this.#hosts.get(id);
        return host === undefined ? undefined : leaseScope(host);
      },
    );
    this.#fencing = new FencingDesk({
      ...parts,
      signs: this.#signs,
      looks: this.#looks,
      book: this.#book,
      canRestart: (host) => this.#canRestart(host),
      confirm: (host) => this.#confirmDead(host),
    });
    this.#readmission = new Readmission({
      ...parts,
      objection: async (host) => this.#handsOff(host, (await parts.ledger.paused()).paused),
      settled: (host, vm) => this.#settle(host, vm.vm),
    });
  }

  /** Takes up what the ledger remembers: before the first tick, and of what was taken over. */
  load(): Promise<void> {
    return this.#turns.take(async () => {
      const before = new Map(this.#book.all.map((record) => [record.host, record]));
      await this.#book.load();
      for (const record of this.#book.all) {
        // Somebody else wrote it, and when it was last true, nobody says.
        if (!isSameFailure(before.get(record.host), record)) this.#looks.forget(record.host);
      }
    });
  }

  /** Takes up what other controllers have written ({@link HostFailureBook.follow}). */
  follow(own: ReadonlySet<HostId>): Promise<void> {
    return this.#turns.take(async () => {
      await this.#book.follow(own);
      // Who acts there asks them, and may think otherwise by now.
      for (const { host } of this.#book.all) if (!own.has(host)) this.#forget(host);
    });
  }

  /** One tick's judgement about every host of its own. Rejects with LedgerError. */
  update(snapshot: Snapshot, own: ReadonlySet<HostId>): Promise<void> {
    return this.#turns.take(() => this.#update(snapshot, own));
  }

  async #update(snapshot: Snapshot, own: ReadonlySet<HostId>): Promise<void> {
    const { clock, ledger, settings } = this.#parts;
    this.#newest = snapshot;
    const now = clock.now();
    const { paused } = await ledger.paused();
    const { suspectAfterSeconds, alerts } = settings().hostFailure;
    for (const host of snapshot.hosts.toSorted((a, b) => compareText(a.id, b.id))) {
      this.#hosts.set(host.id, host);
      // The lease may have ended since: then it is another one's to judge.
      if (!own.has(host.id) || !this.#parts.holds(host)) continue;
      const before = this.#book.get(host.id);
      if (before === undefined && host.connection === 'connected') continue;
      const signs = this.#signs.of(host, before, alerts, now);
      const isFollowed = this.#looks.isFollowed(host.id);
      const judged = { host: host.id, signs, before, isFollowed, suspectAfterSeconds, now };
      const next = assessHost(judged);
      this.#looks.looked(host.id);
      await this.#step(host, before, next);
    }
    const orders = this.#book.all.length === 0 ? [] : await ledger.orders(false);
    this.#act({ snapshot, own, orders, isPaused: paused });
  }

  /** The snapshot, with what is known of its failed hosts. */
  mark(snapshot: Snapshot): Snapshot {
    if (this.#book.all.length === 0) return snapshot;
    const hosts = snapshot.hosts.map((host) => {
      const record = this.#book.get(host.id);
      return record === undefined ? host : { ...host, failure: this.#failureOf(record) };
    });
    return { ...snapshot, hosts };
  }

  isDead(host: HostId): boolean {
    return this.#book.get(host)?.state === 'dead';
  }

  async objection(id: HostId): Promise<string | undefined> {
    const host = this.#hosts.get(id);
    if (!this.isDead(id)) return `${id} is not known dead`;
    // It had left the fleet before this process began: nobody knows whom to ask about it.
    if (host === undefined) return goneText({ id, name: id });
    const power = await this.#signs.power(host);
    if (power.verdict === 'silent' && this.isDead(id)) return undefined;
    const doubt = `the power of ${host.name} is not confirmed off any more (${power.detail})`;
    return `${doubt}${this.#hasLeft(id) ? `; ${goneText(host)}` : `: ${POWER_HINT}`}`;
  }

  note(host: HostId, restarted: RestartedVm): Promise<void> {
    return this.#turns.take(async () => {
      const record = this.#book.get(host);
      if (record === undefined) return;
      const isNoted = record.restarted.some(({ vm }) => vm === restarted.vm);
      const notes = isNoted ? record.restarted : [...record.restarted, restarted];
      // That it is in memory says nothing: the ledger may not have taken it the last time.
      await this.#book.renew({ ...record, restarted: notes });
    });
  }

  leftOn(vm: VmId): readonly HostId[] {
    return this.#book.all
      .filter(({ host, restarted }) => this.isDead(host) && restarted.some((one) => one.vm === vm))
      .map(({ host }) => host);
  }

  /** Somebody takes a host back that was dead. */
  readmit(host: Pick<Host, 'id' | 'name'>, by: string): Promise<ReadmitAnswer> {
    return this.#turns.take(() => this.#readmit(host, by));
  }

  async #readmit(host: Pick<Host, 'id' | 'name'>, by: string): Promise<ReadmitAnswer> {
    const record = await this.#book.reread(host.id, this.#isOwn(host.id));
    if (record === undefined || !isHeldOut(record)) return { kind: 'well' };
    if (record.state !== 'returned') {
      return {
        kind: 'refused',
        why: `${host.name} is ${record.state}: ${signsText(record.signs)}`,
      };
    }
    const [first] = record.restarted;
    if (first !== undefined) {
      const why = `${first.name} was restarted elsewhere and is still defined on ${host.name}`;
      return { kind: 'refused', why };
    }
    if (await this.#release(record, `readmitted by ${by}`)) return { kind: 'readmitted' };
    return justChanged(host.name);
  }

  /** The failed host of that id or (unique) name, if no snapshot has it any more. */
  ofGone(name: string): Pick<Host, 'id' | 'name'> | undefined {
    const failed = this.#book.all.map(({ host: id }) => this.#hosts.get(id) ?? { id, name: id });
    const gone = failed.filter(({ id }) => this.#hasLeft(id));
    const named = gone.filter((host) => host.name === name);
    return gone.find(({ id }) => id === name) ?? (named.length === 1 ? named[0] : undefined);
  }

  /**
   * Somebody says that a failed host which has left the fleet is gone for good: it is not asked for
   * its power any more, and what it holds is nobody's business.
   */
  forgetGone({ id, name }: Pick<Host, 'id' | 'name'>, by: string): Promise<ReadmitAnswer> {
    return this.#turns.take(async () => {
      const isOwn = this.#isOwn(id);
      const record = await this.#book.reread(id, isOwn);
      if (record === undefined || !this.#hasLeft(id)) return { kind: 'well' };
      const line = forgottenLine({ id, name }, record, { at: this.#parts.clock.now(), by });
      if (!(await this.#book.removeAsRead(record, isOwn, line))) return justChanged(name);
      this.#tellWell(record, `gone for good, says ${by}`);
      return { kind: 'readmitted' };
    });
  }

  #hasLeft(host: HostId): boolean {
    return this.#newest?.hosts.every(({ id }) => id !== host) === true;
  }

  /** Those of the newest snapshot of which no failure is on record. */
  #unfailed(): readonly Host[] {
    return this.#newest?.hosts.filter(({ id }) => this.#book.get(id) === undefined) ?? [];
  }

  /** Whether this controller may act on the host at this moment. */
  #isOwn(id: HostId): boolean {
    const host = this.#hosts.get(id);
    return host !== undefined && this.#parts.holds(host);
  }

  /** Resolves when nothing that was begun beside the ticks is under way any more. */
  async idle(): Promise<void> {
    await Promise.all([this.#fencing.idle(), this.#readmission.idle()]);
  }

  async #step(
    host: Host,
    before: HostFailureRecord | undefined,
    next: HostFailureRecord | undefined,
  ): Promise<void> {
    if (next === undefined) {
      if (before !== undefined) await this.#clear(before, 'it answers');
      return;
    }
    const isNew = before?.state !== next.state;
    if (isNew) await this.#announce(host, before?.state, next);
    else await this.#book.renew(next);
  }

  async #announce(
    host: Host,
    from: HostFailureState | undefined,
    record: HostFailureRecord,
  ): Promise<void> {
    const { clock, events, ledger } = this.#parts;
    const line = lineOf(host, record, clock.now());
    const guests = this.#newest?.vms.filter((vm) => vm.host === host.id) ?? [];
    await Promise.all([
      this.#book.put(record, line),
      record.state === 'dead' ? ledger.addHistory(deathLines(host, guests, line.at)) : undefined,
    ]);
    const to = record.state;
    events.emit('host-failure', { host: host.id, from: from ?? 'well', to, reason: line.text });
    const fear = from === 'dead' && to !== 'returned' ? powerBackText(host, record) : undefined;
    if (fear !== undefined) events.emit('warning', { key: `power ${host.id}`, text: fear });
  }

  async #clear(record: HostFailureRecord, reason: string): Promise<void> {
    await this.#book.remove(record.host, this.#wellLine(record, reason));
    this.#tellWell(record, reason);
  }

  /** False: another controller has written of it since it was read, and it stays held out. */
  async #release(record: HostFailureRecord, reason: string): Promise<boolean> {
    const line = this.#wellLine(record, reason);
    const isOwn = this.#isOwn(record.host);
    const isReleased = await this.#book.removeAsRead(record, isOwn, line);
    if (isReleased) this.#tellWell(record, reason);
    return isReleased;
  }

  #wellLine({ host: id }: HostFailureRecord, reason: string): HistoryEntry {
    const text = `${this.#hosts.get(id)?.name ?? id}: well again (${reason})`;
    const about = { vm: undefined, host: id, from: undefined, move: undefined };
    return { at: this.#parts.clock.now(), kind: 'state', ...about, text };
  }

  #tellWell({ host, state: from }: HostFailureRecord, reason: string): void {
    this.#parts.events.emit('host-failure', { host, from, to: 'well', reason });
  }

  /** What was asked and concluded of it while it was this one's to judge. */
  #forget(id: HostId): void {
    this.#fencing.forget(id);
    this.#looks.forget(id);
    this.#signs.forget(id);
  }

  /** What follows from the judgement: power is cut, definitions are removed. Beside the tick. */
  #act(standing: Standing): void {
    const { snapshot, own, isPaused } = standing;
    for (const record of this.#book.all) {
      const host = snapshot.hosts.find(({ id }) => id === record.host);
      // What was not judged just now may be another one's view, or of before its lease.
      if (host === undefined || !own.has(host.id) || !this.#parts.holds(host)) continue;
      this.#fencing.judge(host, record, standing);
      if (record.state !== 'returned') continue;
      this.#readmission.clean(host, record, snapshot);
      const mayReadmit = this.#handsOff(host, isPaused) === undefined;
      if (mayReadmit && this.#parts.settings().hostFailure.readmit === 'automatic') {
        this.#readmitByPolicy(record.host);
      }
    }
  }

  /** Why Drover changes nothing about a host that came back; undefined: it may. */
  #handsOff(host: Host, isPaused: boolean): string | undefined {
    if (isPaused) return 'Drover is paused';
    const isObserved = modeOf(host, this.#parts.settings()) === 'observe';
    return isObserved ? `the mode of ${host.name} is observe` : undefined;
  }

  #readmitByPolicy(id: HostId): void {
    const readmission = this.#turns.take(async () => {
      const record = await this.#book.reread(id, this.#isOwn(id));
      const isClean = record?.state === 'returned' && record.restarted.length === 0;
      if (isClean) await this.#release(record, 'readmitted by hostFailure.readmit');
    });
    readmission.catch((error: unknown) => {
      this.#parts.events.emit('failure', { where: `readmission of ${id}`, error });
    });
  }

  /** Its power was cut and then seen off. */
  #confirmDead(host: Host): Promise<void> {
    return this.#turns.take(async () => {
      const record = this.#book.get(host.id);
      // It has answered meanwhile: nothing is known of it any more that would still hold.
      if (record?.state !== 'suspected-dead' || record.answersSince !== undefined) return;
      const now = this.#parts.clock.now();
      const powerOff = { at: now, how: 'fenced' } as const;
      const over = { poweredOnAt: undefined };
      const next = { ...record, ...over, state: 'dead', since: now, powerOff } as const;
      await this.#announce(host, record.state, next);
    });
  }

  #settle(host: HostId, vm: RestartedVm['vm']): Promise<void> {
    return this.#turns.take(async () => {
      const record = this.#book.get(host);
      if (record === undefined) return;
      const restarted = record.restarted.filter((one) => one.vm !== vm);
      await this.#book.put({ ...record, restarted });
    });
  }

  #failureOf(record: HostFailureRecord): HostFailure {
    const { host, state, since, signs, powerOff, wasDead } = record;
    const why = noRestart(record, {
      settings: this.#parts.settings(),
      canRestart: this.#canRestart(host),
      objection: this.#fencing.objection(host),
    });
    return { state, since, signs, powerOff, wasDead, noRestart: why };
  }

  #canRestart(id: HostId): boolean {
    const source = this.#hosts.get(id)?.source;
    const hypervisor = source === undefined ? undefined : this.#parts.hypervisors.get(source);
    return hypervisor?.capabilities.methods.includes('restart') === true;
  }
}
