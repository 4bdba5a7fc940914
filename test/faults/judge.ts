// Role: the judge of the fault simulation. It believes nobody: it hears every call that passes
// between the daemon, its ledger and the hypervisors, looks at the simulated datacenter itself, and
// names every invariant that is broken, at the moment it is. It shares no code with src/execute,
// src/plan or src/check.
import type { ShownPlan } from '../../src/domain/approval.ts';
import type { HostId, MoveId, VmId } from '../../src/domain/ids.ts';
import type { Decision, MoveRecord, MoveResult, StageEntry } from '../../src/domain/journal.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Reservation } from '../../src/domain/snapshot.ts';
import type { HeldLease } from '../../src/domain/lease.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Inventory, Job, MoveOrder, Steering } from '../../src/ports/hypervisor.ts';
import type { Controller } from '../../src/ports/leases.ts';
import type { Ledger, PutOrder } from '../../src/ports/ledger.ts';
import type { Reading } from '../../src/ports/metric-source.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { Invariant, Wrong } from './invariants.ts';
import { JournalView, type OpenMove } from './journal-view.ts';
import { ABOUT_A_MOVE, EFFECTS, hostsOf } from './judge-calls.ts';
import { beyondCaps } from './judge-caps.ts';
import { DoublesJudge, type HostCrash, INTERFERENCE_SECONDS } from './judge-doubles.ts';
import { JudgeHooks } from './judge-hooks.ts';
import { LoadJudge } from './judge-load.ts';
import { OwnJudge } from './judge-own.ts';
import { JudgePeople } from './judge-people.ts';
import { JudgeRolling } from './judge-rolling.ts';
import { WaysJudge } from './judge-ways.ts';
import { JudgeWorld } from './judge-world.ts';
import { wrongsOfOpening } from './judge-opening.ts';
import { LeaseBook } from './lease-book.ts';
import { ORDER } from './order.ts';
import type { Rules, RunMode } from './script.ts';

/** For so long a cancel may be why a VM of the plan does not start. */
const CANCEL_COUNTS_SECONDS = 1200;
/** Who judged a host to be dead from its last polls may not know yet that it came back. */
const RECOVERY_SECONDS = 90;

export class Judge {
  readonly wrongs: Wrong[] = [];
  readonly journal = new JournalView();
  readonly world: JudgeWorld;
  readonly #leases = new LeaseBook();
  readonly #clock: Clock;
  readonly #datacenter: SimulatedDatacenter;
  readonly crashes: HostCrash[] = [];
  readonly #doubles: DoublesJudge;
  readonly #own: OwnJudge;
  readonly ways: WaysJudge;
  readonly #load: LoadJudge;
  readonly people: JudgePeople;
  readonly rolling: JudgeRolling;
  readonly hooks: JudgeHooks;
  readonly #drifts = new Map<VmId, number>();
  /** When each host was last seen to be dead. */
  readonly #deadAt = new Map<HostId, number>();
  #cancelledAt = Number.NEGATIVE_INFINITY;
  #mode: RunMode = 'automatic';
  /** Who has read the policy since it was last edited. */
  readonly #informed = new Set<string>();

  constructor(datacenter: SimulatedDatacenter, clock: Clock, rules: Rules) {
    this.#datacenter = datacenter;
    this.#clock = clock;
    this.world = new JudgeWorld(datacenter, clock, rules);
    this.#doubles = new DoublesJudge(datacenter, clock);
    this.#own = new OwnJudge(this.world, this.journal, this.#leases, clock);
    this.ways = new WaysJudge(this.world);
    const runningOn = (vm: VmId) => this.world.runningOn(vm);
    this.#load = new LoadJudge(clock, this.world.hosts, runningOn, this.ways.cpuShare);
    const { journal } = this;
    this.people = new JudgePeople(journal, clock, () => this.onCancel());
    this.rolling = new JudgeRolling(journal, clock, (text) => this.wrong('rolling', text));
    const wrong = (text: string): void => this.wrong('hook', text);
    const [crashes, drifts] = [this.crashes, this.#drifts];
    this.hooks = new JudgeHooks({ journal, clock, world: this.world, crashes, drifts, wrong });
  }

  get takeOvers(): number {
    return this.#leases.takeOvers;
  }

  wrong(invariant: Invariant, text: string): void {
    if (this.wrongs.some((one) => one.invariant === invariant && one.text === text)) return;
    this.wrongs.push({ invariant, at: this.#clock.monotonic(), text });
  }

  onCrash(host: HostId): void {
    this.crashes.push({ host, at: this.#clock.monotonic() });
  }

  /** Nobody sees for so long what runs on the host. */
  onCut(host: HostId, forSeconds: number): void {
    this.#doubles.onCut(host, forSeconds);
  }

  onDrift(vm: VmId): void {
    this.#drifts.set(vm, this.#clock.monotonic());
    this.world.onDrift(vm);
  }

  onDelete(vm: VmId): void {
    this.onDrift(vm);
    this.world.onDelete(vm);
  }

  onCancel(): void {
    this.#cancelledAt = this.#clock.monotonic();
  }

  /** The policy says so from now on; who stands still does not know of it. */
  onMode(mode: RunMode): void {
    this.#mode = mode;
    this.#informed.clear();
  }

  onPolicyRead(by: string): void {
    this.#informed.add(by);
  }

  /** Asks for nothing that takes time; the ledger's own answers follow in the settled moments. */
  onLedgerCall(call: string, parts: readonly unknown[], by: string): void {
    if (call === 'openMove') this.#onOpening(parts[0] as OpenMove['record'], by);
    if (call === 'closeMove') this.#onClosing(parts[0] as MoveId, parts[1] as MoveResult, by);
    if (call === 'addUnbegun') this.journal.known.add((parts[0] as OpenMove['record']).move.id);
  }

  /** The call had no effect. */
  onLedgerRefusal(call: string, parts: readonly unknown[]): void {
    if (call === 'openMove') this.journal.notOpened((parts[0] as OpenMove['record']).move.id);
  }

  /** A controller begins a new life: it remembers nothing, and has no lease. */
  onReborn(by: string): void {
    this.journal.reborn(by);
    this.#leases.reborn(by);
    this.hooks.onReborn(by);
  }

  /** The call takes effect; its answer, which is told here all the same, gets lost. */
  onLedgerReplyLost(call: string, parts: readonly unknown[], by: string): void {
    if (call === 'closeMove') this.journal.closingUnheard(parts[0] as MoveId, by);
  }

  /** What it looks at shows it what had got lost. */
  onLedgerRead(call: string, parts: readonly unknown[], by: string): void {
    if (call === 'move') this.journal.looked(parts[0] as MoveId, by, this.#clock.monotonic());
  }

  onLedgerAnswer(call: string, parts: readonly unknown[], value: unknown): void {
    const { journal } = this;
    const [first, second] = parts;
    if (call === 'openMove' && value !== 'opened') {
      const { id } = (first as Pick<MoveRecord, 'move'>).move;
      journal.notOpened(id, value === 'no-place');
    } else if (call === 'addStages') {
      for (const entry of first as readonly StageEntry[]) journal.stage(entry);
      if (second !== undefined) this.#onReserved(second as Reservation);
    } else if (call === 'closeMove') {
      const [id, result] = [first as MoveId, second as MoveResult];
      this.#endsAs(id, result.outcome, journal.closed.get(id));
      if (!journal.closed.has(id)) this.people.onClosed(result, journal.open.get(id)?.record.move);
      journal.close(id, result);
    } else if (call === 'addUnbegun' && value === true) {
      journal.unbegun(first as OpenMove['record'], second as MoveResult);
    } else if (call === 'recordDecision') {
      journal.decided(first as Decision);
    } else if (call === 'showPlan') this.people.onShown(first as ShownPlan);
    else if (call === 'putOrder') this.#onOrder(first as Order);
    else if (call === 'putOrders') {
      for (const { order } of first as readonly PutOrder[]) this.#onOrder(order);
    } else if (call === 'changeOrder' && value !== undefined) {
      this.#onOrder(value as Order);
    } else if (call === 'setPaused') journal.isPaused = first === true;
    else if (call === 'beginCancel' && value === true) this.onCancel();
  }

  #onOrder(order: Order): void {
    const before = this.journal.orders.get(order.id);
    this.rolling.onOrder(order, before);
    this.hooks.onOrder(order, before);
    this.journal.orders.set(order.id, order);
  }

  onLeaseAnswer(
    call: string,
    parts: readonly unknown[],
    { value, by }: { readonly value: unknown; readonly by: string },
  ): void {
    if (call === 'renewLeases') {
      const { wants } = parts[0] as Controller;
      this.#leases.renewed(by, this.#clock.monotonic(), wants);
    }
    if (call === 'claimLease' && value !== undefined) {
      const text = this.#leases.taken(value as HeldLease, by);
      if (text !== undefined) this.wrong('lease', text);
    } else if (call === 'releaseLeases') this.#leases.released(parts[1] as HeldLease[], by);
  }

  onHypervisorCall(call: string, parts: readonly unknown[], by: string): void {
    if (EFFECTS.has(call)) this.#isLeased(call, parts[0] as MoveOrder | HostId, by);
    const order = parts[0] as MoveOrder;
    if (call === 'startMove') {
      this.#onStart(order, by);
      this.#say([...this.#own.onStart(order, by), ...this.ways.onStart(order)]);
      this.#say(this.people.onStart(order, this.#isInMode('approve', by)));
    }
    if (call === 'steer') {
      const steering = parts[1] as Steering;
      this.#say([...this.#own.onSteer(order, steering), ...this.ways.onSteer(order, steering)]);
    }
    if (call === 'commit') this.#onCommit(order);
    if (call === 'cleanUp') this.#onCleanUp(order);
  }

  #say(wrongs: readonly Omit<Wrong, 'at'>[]): void {
    for (const { invariant, text } of wrongs) this.wrong(invariant, text);
  }

  onHypervisorAnswer(call: string, parts: readonly unknown[], value: unknown): void {
    if (call === 'inventory') this.world.onInventory(value as Inventory);
    if (call === 'read') this.#load.onReading(value as Reading);
    // That the platform has no such job any more does not say where the VM is.
    const isWord = call !== 'job' || (value as Job).kind === 'running';
    if (ABOUT_A_MOVE.has(call) && isWord) this.#own.heard(parts[0] as MoveOrder);
  }

  /** At moments at which nobody waits for anything but time; `isReady`: some controller is. */
  async onSettled(ledger: Ledger, isReady: boolean): Promise<void> {
    this.#doubles.onLook(isReady);
    for (const text of this.#doubles.wrongs(this.crashes)) this.wrong('one-place', text);
    for (const host of this.world.hosts.keys()) {
      const isDead = !this.#datacenter.answersProbe(host);
      if (isDead) this.#deadAt.set(host, this.#clock.monotonic());
      this.rolling.onLook(host, isDead);
    }
    const open = new Set((await ledger.openMoves()).map(({ move }) => move.id));
    for (const { move } of await ledger.reservations()) {
      if (!open.has(move)) this.wrong('reservations', `${move} has ended and holds capacity`);
    }
  }

  /** True where a person or a dying host may be what has changed the VM's place. */
  isInterfered(vm: VmId, hosts: readonly HostId[]): boolean {
    const since = this.#clock.monotonic() - INTERFERENCE_SECONDS;
    const drifted = (this.#drifts.get(vm) ?? Number.NEGATIVE_INFINITY) >= since;
    return drifted || this.crashes.some(({ host, at }) => hosts.includes(host) && at >= since);
  }

  #isLeased(call: string, about: MoveOrder | HostId, by: string): void {
    for (const host of hostsOf(about)) {
      const holder = this.#leases.holder(this.world.cluster(host));
      if (holder === by) continue;
      this.wrong('lease', `${by} asks for ${call} on ${host}, which is ${holder ?? 'nobody'}'s`);
    }
  }

  /** As far as the controller can know. */
  #isInMode(mode: RunMode, by: string): boolean {
    return this.#mode === mode && this.#informed.has(by);
  }

  #onOpening(record: OpenMove['record'], by: string): void {
    this.people.onOpening(record, this.#isInMode('approve', by));
    const now = this.#clock.monotonic();
    const wrongs = wrongsOfOpening(record, this.journal, {
      rules: this.world.rules,
      isCancelled: now - this.#cancelledAt < CANCEL_COUNTS_SECONDS,
      now: this.#clock.now(),
      rank: (vm) => this.world.rank(vm),
      isOwn: (vm) => this.world.isOwn(vm),
      isSilent: this.#own.hasSilent(),
      takenForOpen: this.journal.takenForOpen(by, now),
      runningOn: (vm) => this.world.runningOn(vm),
    });
    const isHeld = [this.journal.isPaused && 'paused', this.#isInMode('observe', by) && 'mode'];
    this.journal.opening(record, [...wrongs, ...isHeld.filter((one) => one !== false)]);
  }

  #onReserved({ move }: Reservation): void {
    const one = this.journal.open.get(move);
    if (one !== undefined) one.isReserved = true;
  }

  #onStart(order: MoveOrder, by: string): void {
    const one = this.journal.open.get(order.move);
    const what = `${order.vm} from ${order.from} to ${order.to}`;
    if (one === undefined) {
      this.wrong('journal-first', `${what} is started, and no record of it is open`);
      return;
    }
    one.starts += 1;
    if (!one.noted.has('pre-copy before')) {
      this.wrong('journal-first', `${what} is started before it was written down`);
    }
    if (!one.isReserved) this.wrong('journal-first', `${what} is started without a reservation`);
    if (one.starts > 1) this.wrong('start-once', `${what} is started a second time`);
    for (const text of one.wrongIfBegun) this.#wrongBegin(text, what, by);
    if (this.world.isKnownGone(order.vm)) this.wrong('gone', `${what} is started, and is deleted`);
    if (order.method === 'restart') this.#isDead(order);
    else if (this.world.runningOn(order.vm).join() !== order.from) return; // it will be refused
    this.#fits(order, one.record.move);
  }

  /** The device may have fallen silent meanwhile: nobody knows more then. */
  #isDead({ vm, from, to }: MoveOrder): void {
    const where = this.world.runningOn(vm);
    const isOn = this.#datacenter.power(from) === 'on';
    if (where.length === 0 && !isOn) return;
    const what = where.length === 0 ? `${from} has power` : `it runs on ${where.join(', ')}`;
    this.wrong('fenced-first', `${vm} is started on ${to}, and ${what}`);
  }

  onPowerOff(host: HostId, by: string): void {
    this.#isLeased('off', host, by);
    const deadAt = this.#deadAt.get(host) ?? Number.NEGATIVE_INFINITY;
    const isLately = this.#clock.monotonic() - deadAt <= RECOVERY_SECONDS;
    if (this.#datacenter.answersProbe(host) && !isLately)
      this.wrong('fencing', `${by} cuts the power of ${host}, which is alive`);
  }

  // oxlint-disable-next-line max-params -- what is wrong, with what, done by whom
  #wrongBegin(text: string, what: string, by: string): void {
    if (text === 'paused') {
      if (this.journal.isPaused) this.wrong('paused', `${what} is begun, and Drover is paused`);
    } else if (text === 'mode') {
      if (this.#isInMode('observe', by)) this.wrong('mode', `${what} is begun in the mode observe`);
    } else {
      const [invariant = '', ...rest] = text.split(': ');
      this.wrong(invariant as Invariant, `${what}: ${rest.join(': ')}`);
    }
  }

  #fits({ move: id, vm, to }: MoveOrder, move: Move): void {
    const facts = this.world.vms.get(vm);
    if (facts === undefined) return;
    const others = this.journal.underWay(id).map(({ record }) => record.move);
    if (others.some((other) => other.vm === vm)) {
      this.wrong('start-once', `${vm} is started to ${to} while another move of it is under way`);
    }
    const coming = new Set(others.filter((other) => other.to === to).map((other) => other.vm));
    const there = this.world.knownOn(to, coming, vm);
    for (const { invariant, text } of this.world.objections(facts, to, there)) {
      this.wrong(invariant, `${vm} to ${to}: ${text}`);
    }
    this.#say(this.#load.onStart(move, others, [facts, ...there]));
    if (this.world.isKnownShut(to)) {
      this.wrong('closed-host', `${vm} to ${to}, which its platform has in maintenance mode`);
    }
    const isLive = move.method !== 'cold' && move.method !== 'restart';
    const missing = !isLive ? [] : this.world.missingFeatures(facts, to);
    if (missing.length > 0) this.wrong('cpu', `${vm} to ${to}: ${missing.slice(0, 3).join(' ')}`);
    const tooMany = beyondCaps(move, others, this.world.rules);
    if (tooMany !== undefined) this.wrong('caps', tooMany);
  }

  #onCommit({ vm, from, to }: MoveOrder): void {
    if (this.world.runningOn(vm).includes(to) || this.isInterfered(vm, [from, to])) return;
    const where = this.world.runningOn(vm).join();
    this.wrong('commit-seen', `${vm} is committed to ${to} and runs on ${where}`);
  }

  #onCleanUp({ vm, from, to }: MoveOrder): void {
    const isGone = this.world.runningOn(vm).join() === to;
    if (!isGone || this.isInterfered(vm, [from, to])) return;
    this.wrong('no-undo', `${vm} runs on ${to}, and its arrival there is undone`);
  }

  #endsAs(id: MoveId, outcome: MoveResult['outcome'], before: MoveResult | undefined): void {
    if (before === undefined || before.outcome === outcome) return;
    this.wrong('terminal', `${id} ended as ${before.outcome} and again as ${outcome}`);
  }

  // oxlint-disable-next-line max-params -- what ends, how, who says so
  #onClosing(id: MoveId, { outcome, detail }: MoveResult, by: string): void {
    this.#endsAs(id, outcome, this.journal.closing(id, by));
    const one = this.journal.open.get(id);
    if (one === undefined || outcome === 'needs-human') return;
    const { vm, from, to, method } = one.record.move;
    const what = `${vm} from ${from} to ${to} is told ${outcome}`;
    if (outcome === 'skipped' && one.starts > 0) {
      this.wrong('true-outcome', `${what}, and was begun`);
    }
    if (one.starts > 0 && this.world.isMigrating({ ...ORDER, move: id, vm, from, to, method })) {
      this.wrong('true-outcome', `${what}, and is still under way`);
    }
    if (outcome !== 'succeeded') return;
    const where = this.world.runningOn(vm).join();
    // However long ago somebody has moved it on, or its new host died and an older one booted.
    const isBooted = this.crashes.some(({ host }) => host === where);
    const isTold =
      (isBooted || this.#drifts.has(vm)) && detail.includes(`by now it runs on ${where}`);
    if (where === to) this.world.onBrought(vm, to);
    else if (!isTold && !this.isInterfered(vm, [from, to])) {
      this.wrong('true-outcome', `${what}, and runs on ${where}`);
    }
  }
}
