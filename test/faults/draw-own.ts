// Role: makes some of the VMs of a drawn script those that Drover stands on, and has their hosts
// emptied. It draws from a stream of its own: all else of the script stays what its seed has drawn.
import { OWN_ROLES, WITHOUT_STANDBY } from '../../src/domain/own-vm.ts';
import { type Rng, seededRng } from '../../src/domain/rng.ts';
import type { SimulatedVmSpec } from '../../src/simulate/fleet-spec.ts';
import { pick, times } from './draw-parts.ts';
import type { OwnEntry, Script, Step } from './script.ts';

/** How often Drover runs on VMs of the fleet that it looks after. */
const OWNED = 0.35;
/** How often the policy names the controller that is in a VM. */
const NAMED = 0.8;
/** Keeps this stream apart from the one that draws the rest from the same seed. */
const STREAM = 0x6f_77_6e;

export function withOwn(script: Script): Script {
  const rng = seededRng(script.seed ^ STREAM);
  if (rng.next() >= OWNED) return script;
  const carriers = shuffled(rng, script.fleet.vms);
  const own = [...controllers(rng, script.controllers, carriers), ...others(rng, carriers)];
  const [first] = own;
  if (first === undefined) return script;
  const carrier = (): OwnEntry => pick(rng, own);
  const hostOf = ({ vm }: OwnEntry) =>
    script.fleet.vms.find(({ facts }) => facts.id === vm)?.facts.host ?? script.last;
  const troubles = [
    ...times(rng, 3, script.calmAt, (at) =>
      emptied(rng, at, { ...script, host: hostOf(carrier()) }),
    ),
    ...times(rng, 1, script.calmAt, (at): Step => {
      const { vm } = carrier();
      const fault = { kind: 'dirty-rate', vm, bytesPerSecond: 4e8, forSeconds: 600 } as const;
      return { at, kind: 'fault', fault };
    }),
  ];
  return {
    ...script,
    rules: { ...script.rules, own, ownWithoutStandby: pick(rng, WITHOUT_STANDBY) },
    steps: [...script.steps, ...troubles].toSorted((a, b) => a.at - b.at),
    last: rng.next() < 0.5 ? hostOf(carrier()) : script.last,
  };
}

/** Each in a VM of its own, mostly; of an embedded one nobody has to say which it is. */
function controllers(
  rng: Rng,
  count: number,
  carriers: readonly SimulatedVmSpec[],
): readonly OwnEntry[] {
  const isNamed = count > 1 && rng.next() < NAMED;
  const all = carriers.slice(0, count).map(({ facts: { id: vm } }, index): OwnEntry => {
    const controller = `c${index + 1}`;
    return { vm, role: 'controller', ...(isNamed && { controller }) };
  });
  return all.filter(() => rng.next() < 0.8);
}

/** What else it stands on: it may share a VM with a controller. */
function others(rng: Rng, carriers: readonly SimulatedVmSpec[]): readonly OwnEntry[] {
  const roles = OWN_ROLES.filter((role) => role !== 'controller' && rng.next() < 0.4);
  return roles.map((role) => ({ vm: pick(rng, carriers).facts.id, role }));
}

/** A carrier's host is to be emptied; a controller dies or stands still over it now and then. */
// oxlint-disable-next-line max-params -- when, and where
function emptied(
  rng: Rng,
  at: number,
  { host, controllers: count, calmAt }: Script & { readonly host: Script['last'] },
): readonly Step[] {
  const kind = pick(rng, ['maintenance', 'evacuate'] as const);
  const until = Math.min(calmAt, at + 900 * rng.next());
  const steps: Step[] = [
    { at, kind, host },
    { at: until, kind: 'return', host },
  ];
  if (rng.next() >= 0.4) return steps;
  const controller = Math.floor(count * rng.next());
  const calls = Math.floor(60 * rng.next() ** 2);
  const forSeconds = Math.floor(240 * rng.next());
  const moment = Math.min(calmAt, at + 180 * rng.next());
  const death = { kind: 'crash', when: 'before', downSeconds: forSeconds } as const;
  const pause = { kind: 'freeze', forSeconds } as const;
  return [...steps, { at: moment, controller, calls, ...(rng.next() < 0.5 ? death : pause) }];
}

function shuffled<Item>(rng: Rng, items: readonly Item[]): readonly Item[] {
  const keyed = items.map((item) => ({ item, key: rng.next() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
