// Role: the judge of a story. It believes neither the planner nor the checker nor the executor:
// it looks at the datacenter itself, at every start and end of a move and when the story is over.
// What it says is a fault of the product, whatever the expected transcript says.
import type { EventMap } from '../../src/domain/events.ts';
import type { Host, HostState } from '../../src/domain/host.ts';
import type { HostId, MoveId, VmId } from '../../src/domain/ids.ts';
import type { PlacementRule } from '../../src/domain/placement.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { PolicySet } from '../../src/domain/policy.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { CRITICALITIES, type Vm } from '../../src/domain/vm.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { EventSource } from '../../src/ports/events.ts';
import type { StoryWorld } from './story-fleet.ts';
import { timeText } from '../../src/app/scenario/transcript.ts';

/** The host's own threads, and what migrations take, are not in the sum of the guests. */
const CPU_TOLERANCE = 0.1;
const CLOSED: readonly HostState[] = ['quarantined', 'draining', 'evacuating', 'maintenance'];

interface Started {
  readonly move: Move;
  readonly at: number;
}

export class Judge {
  readonly #world: StoryWorld;
  readonly #clock: Clock;
  readonly #faults = new Set<string>();
  readonly #underWay = new Map<MoveId, Started>();
  /** Every move that was started, in that order. */
  readonly #started: Started[] = [];
  readonly #states = new Map<HostId, HostState>();
  readonly #hosts: ReadonlyMap<HostId, Host>;
  readonly #vms: ReadonlyMap<VmId, Vm>;
  #snapshot: Snapshot | undefined;
  #plan: readonly Move[] = [];
  /** What of it the gate let through. */
  #isAllowed: ReadonlySet<MoveId> = new Set();
  #policies: PolicySet;

  constructor(world: StoryWorld, clock: Clock, policies: PolicySet) {
    this.#world = world;
    this.#clock = clock;
    this.#policies = policies;
    this.#hosts = new Map(world.fleet.hosts.map((host) => [host.id, host]));
    this.#vms = new Map(world.fleet.vms.map((vm) => [vm.id, vm]));
  }

  set policies(policies: PolicySet) {
    this.#policies = policies;
  }

  follow(bus: EventSource): () => void {
    const offs = [
      bus.on('snapshot', ({ snapshot }) => {
        this.#snapshot = snapshot;
      }),
      bus.on('planned', ({ result }) => {
        this.#plan = result.plan.moves;
      }),
      bus.on('gated', ({ verdicts }) => {
        const through = verdicts.filter(({ verdict }) => verdict === 'execute');
        this.#isAllowed = new Set(through.map(({ move }) => move));
      }),
      bus.on('plan-rejected', () => this.#fault('the planner made a plan that is not valid')),
      bus.on('host-state', ({ host, to }) => this.#states.set(host, to)),
      bus.on('move-stage', ({ move, stage, phase }) => {
        if (stage === 'pre-copy' && phase === 'before') this.#onStart(move);
      }),
      bus.on('move-ended', (event) => this.#onEnd(event)),
      bus.on('failure', ({ where }) => this.#fault(`a failure was announced: ${where}`)),
    ];
    return () => {
      for (const off of offs) off();
    };
  }

  /** All faults, with what the datacenter itself knows in the end. */
  verdict(down: readonly string[]): readonly string[] {
    for (const [source, { truth }] of this.#world.datacenters) {
      for (const { vm, hosts } of truth.doubleRuns()) {
        this.#fault(`${vm} ran twice, on ${hosts.join(' and ')}`);
      }
      const really = truth.down().toSorted();
      const meant = down.filter((vm) => this.#vms.get(vm as VmId)?.source === source).toSorted();
      if (really.join() !== meant.join()) {
        this.#fault(`down are [${really.join()}], expected [${meant.join()}]`);
      }
    }
    for (const vm of this.#vms.values()) this.#definition(vm);
    return [...this.#faults];
  }

  /** A host that boots must not start a second copy. */
  #definition({ id }: Vm): void {
    const { runningOn, definedOn } = this.#world.ofVm(id).truth.whereabouts(id);
    const isUnderWay = [...this.#underWay.values()].some(({ move }) => move.vm === id);
    if (isUnderWay || runningOn.length === 0) return;
    // What a dead host holds of a guest that was restarted goes when the host comes back.
    const left = definedOn.filter((host) => !this.#isLeftBehind(id, host));
    if (left.join() !== runningOn.join()) {
      this.#fault(`${id} runs on ${runningOn.join()} and is defined on ${definedOn.join()}`);
    }
  }

  #isLeftBehind(vm: VmId, host: HostId): boolean {
    if (this.#world.ofHost(host).answersProbe(host)) return false;
    return this.#started.some(
      ({ move }) => move.method === 'restart' && move.vm === vm && move.from === host,
    );
  }

  #onStart(move: Move): void {
    if (this.#underWay.has(move.id)) return;
    if (move.method === 'restart' && this.#world.ofHost(move.from).power(move.from) !== 'off') {
      this.#fault(`${move.vm} is restarted, and the power of ${move.from} is not off`);
    }
    const started = { move, at: this.#clock.monotonic() };
    this.#underWay.set(move.id, started);
    this.#started.push(started);
    const state = this.#states.get(move.to) ?? 'healthy';
    if (CLOSED.includes(state)) this.#fault(`${move.vm} moves into ${move.to}, which is ${state}`);
    if (!this.#world.ofHost(move.to).isReachable(move.to)) {
      this.#fault(`${move.vm} moves to ${move.to}, which does not answer`);
    }
    this.#caps(move);
    this.#memory(move.to);
    this.#rules(move);
    this.#precedence(move);
    this.#ownVms(started);
    this.#pingPong(started);
  }

  #onEnd({ move, result }: EventMap['move-ended']): void {
    this.#underWay.delete(move.id);
    if (result.outcome !== 'succeeded') return;
    const where = this.#world.runningOn(move.vm);
    if (where.join() !== move.to) {
      this.#fault(`${move.vm} is said to be on ${move.to} and runs on ${where.join()}`);
    }
    const load = this.#world.ofHost(move.to).truth.cpuUtilisation(move.to);
    const limit = this.#policies.limits.safetyCapacity.cpu + CPU_TOLERANCE;
    if (move.tier !== 'mandatory' && load > limit) {
      this.#fault(`${move.vm} brought ${move.to} to ${Math.round(100 * load)} % CPU`);
    }
  }

  #caps(move: Move): void {
    const { total, perHostIn, perHostOut, perLink } = this.#policies.limits.concurrency;
    const moves = [...this.#underWay.values()].map((one) => one.move);
    const out = moves.filter(({ from }) => from === move.from).length;
    const into = moves.filter(({ to }) => to === move.to).length;
    if (moves.length > total || out > perHostOut || into > perHostIn) {
      this.#fault(
        `too many at once: ${moves.length}, ${out} from ${move.from}, ${into} to ${move.to}`,
      );
    }
    const uplink = (host: HostId): string | undefined => this.#hosts.get(host)?.uplink?.id;
    const between = moves.filter(({ from, to }) => uplink(from) !== uplink(to));
    for (const id of new Set(this.#hosts.keys().map(uplink))) {
      if (id === undefined) continue;
      const leaving = between.filter(({ from }) => uplink(from) === id).length;
      const coming = between.filter(({ to }) => uplink(to) === id).length;
      if (Math.max(leaving, coming) <= perLink) continue;
      this.#fault(`too many over ${id} at once: ${leaving} out, ${coming} in`);
    }
    this.#clusterCap(moves);
  }

  #clusterCap(moves: readonly Move[]): void {
    const { perCluster } = this.#policies.limits.concurrency;
    if (perCluster === undefined) return;
    const cluster = (host: HostId): string | undefined => this.#hosts.get(host)?.cluster;
    for (const id of new Set(this.#hosts.keys().map(cluster))) {
      if (id === undefined) continue;
      const there = moves.filter(({ from, to }) => cluster(from) === id || cluster(to) === id);
      if (there.length > perCluster) this.#fault(`too many in ${id} at once: ${there.length}`);
    }
  }

  /** Who runs there, and who is on the way there. Those that leave count until they are gone. */
  #residents(host: HostId): readonly Vm[] {
    const coming = new Set(
      [...this.#underWay.values()]
        .filter(({ move }) => move.to === host)
        .map(({ move }) => move.vm),
    );
    return [...this.#vms.values()].filter(
      ({ id }) => coming.has(id) || this.#world.runningOn(id).includes(host),
    );
  }

  #memory(id: HostId): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    const { totalBytes, reservedBytes } = host.memory;
    const capacity = (totalBytes - reservedBytes) * this.#policies.limits.overcommit.memory;
    const need = this.#residents(id).reduce(
      (sum, vm) => sum + vm.memoryBytes + vm.overheadBytes,
      0,
    );
    if (need > capacity) this.#fault(`${id} would hold more memory than it has`);
  }

  #rules({ vm, to }: Move): void {
    const there = new Set(this.#residents(to).map((one) => one.id));
    for (const rule of this.#snapshot?.placement ?? []) {
      if (rule.strength === 'hard' && rule.vms.includes(vm) && this.#breaks(rule, vm, to, there)) {
        this.#fault(`${vm} to ${to} breaks the rule ${rule.id}`);
      }
    }
  }

  // oxlint-disable-next-line max-params -- a rule, and who comes where among whom
  #breaks(rule: PlacementRule, vm: VmId, to: HostId, there: ReadonlySet<VmId>): boolean {
    if (rule.kind === 'pin') return !rule.hosts.includes(to);
    if (rule.kind === 'avoid') return rule.hosts.includes(to);
    const isApart = rule.kind === 'anti-affinity' && rule.hold === 'always' && rule.over === 'host';
    return isApart && rule.vms.some((other) => other !== vm && there.has(other));
  }

  /** Of those that leave a host the critical ones go first, unless they could not start. */
  #precedence(move: Move): void {
    const rank = CRITICALITIES.indexOf(move.criticality);
    const { perHostIn } = this.#policies.limits.concurrency;
    const arriving = (host: HostId): number =>
      [...this.#underWay.values()].filter((one) => one.move.to === host).length;
    for (const other of this.#plan) {
      const isMore = CRITICALITIES.indexOf(other.criticality) < rank;
      const isBeside = other.from === move.from && other.tier === move.tier;
      const wasStarted = this.#started.some((one) => one.move.vm === other.vm);
      const hadToWait = other.dependsOn.length > 0 || arriving(other.to) >= perHostIn;
      if (isMore && !this.#isOwn(other) && isBeside && !wasStarted && !hadToWait) {
        this.#fault(`${move.vm} left ${move.from} before ${other.vm}, which is more important`);
      }
    }
  }

  #isOwn({ vm }: Move): boolean {
    return this.#snapshot?.vms.find(({ id }) => id === vm)?.own !== undefined;
  }

  /** What Drover stands on moves after all others, and nothing moves beside it. */
  #ownVms({ move }: Started): void {
    const others = [...this.#underWay.values()].filter((one) => one.move.id !== move.id);
    const isOwn = this.#isOwn(move);
    for (const { move: other } of others) {
      if (isOwn || this.#isOwn(other)) this.#fault(`${move.vm} moves beside ${other.vm}`);
    }
    if (!isOwn) return;
    if (move.method !== 'pre-copy') this.#fault(`${move.vm} moves by ${move.method}`);
    for (const other of this.#plan) {
      const wasStarted = this.#started.some((one) => one.move.vm === other.vm);
      if (this.#isOwn(other) || wasStarted || !this.#isAllowed.has(other.id)) continue;
      this.#fault(`${move.vm} moves before ${other.vm}`);
    }
  }

  /** What was not ordered does not go back within its cool-down. */
  #pingPong({ move, at }: Started): void {
    const isReturn = this.#plan.some((one) => one.id === move.id && isComingHome(one));
    if (move.tier === 'mandatory' || isReturn) return;
    const rest = this.#policies.limits.cooldownSeconds;
    const back = this.#started.find(
      (one) => one.move.vm === move.vm && one.move.from === move.to && at - one.at < rest,
    );
    if (back !== undefined)
      this.#fault(`${move.vm} goes back to ${move.to}, which it has just left`);
  }

  #fault(text: string): void {
    this.#faults.add(`${timeText(this.#clock.monotonic())} ${text}`);
  }
}

function isComingHome(move: Move): boolean {
  return move.reason.evidence.some(({ fact }) => fact === 'vm.home');
}
