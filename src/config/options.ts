/**
 * The one table of what can be set in a policy beside rules: each line has its form, its default
 * and its meaning. The parser, the defaults, the JSON Schema and the README's table all come from
 * here; nothing else knows an option.
 */

import { z } from 'zod';
import { TIERS } from '../domain/finding.ts';
import { WITHOUT_STANDBY } from '../domain/own-vm.ts';
import { MOVE_METHODS } from '../domain/plan.ts';
import { LADDER_STEPS, MODES } from '../domain/policy.ts';
import { ratio } from '../domain/units.ts';
import type { CRITICALITIES } from '../domain/vm.ts';
import { balancePair } from './balance-pair.ts';
import {
  type Field,
  choice,
  duration,
  flag,
  group,
  list,
  number,
  rate,
  share,
  size,
  table,
  text,
  whole,
} from './fields.ts';
import { timeWindow } from './time-window.ts';

/**
 * One option: its form, its default as one would write it in a file, its meaning. The default
 * goes through the same reader as a written value, so that both have the same form.
 */
export function option<Value>(form: z.ZodType<Value, unknown>, written: unknown, doc: string) {
  const shown = typeof written === 'string' ? written : JSON.stringify(written);
  return form.prefault(written).meta({ doc, description: doc, written: shown, default: written });
}

/** An option that is simply not there unless it is written. */
export function optional<Value>(form: z.ZodType<Value, unknown>, doc: string) {
  return form.optional().meta({ doc, description: doc });
}

/** A group of options, all of which have defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return group(shape).prefault({} as never);
}

const positive = (expected: string): Field<number> => whole(expected, { min: 1 });

export const limitsSchema = section({
  safetyCapacity: section({
    cpu: option(share(), '80%', 'Share of its CPU that no target may exceed after all arrivals.'),
    memory: option(share(), '100%', 'Share of its memory capacity that no target may exceed.'),
  }),
  overcommit: section({
    memory: option(
      number('a factor of at least 1', { min: 1, max: 10 }, ratio),
      1,
      "Guests' configured memory over (total - reserved) of a host.",
    ),
  }),
  concurrency: section({
    total: option(
      positive('a number of moves'),
      8,
      'Moves in flight in the whole fleet, of all that share a ledger together; exact, ' +
        'but for what a dead one has left, with nobody to take over: that counts for five minutes.',
    ),
    perHostIn: option(positive('a number of moves'), 2, 'Moves arriving at one host at once.'),
    perHostOut: option(positive('a number of moves'), 2, 'Moves leaving one host at once.'),
    perLink: option(
      positive('a number of moves'),
      4,
      'Moves over one uplink of a switch at once, in each direction (`uplink` of the hosts); ' +
        'those of other controllers as of the last renewal of the leases.',
    ),
    perCluster: optional(
      positive('a number of moves'),
      'Moves in, into or out of one cluster at once; one between two clusters counts in both; ' +
        'those of other controllers as with `perLink`. None: no limit of its own.',
    ),
  }),
  cooldown: option(
    duration(),
    '15m',
    'A VM that was moved rests for this long (not from mandatory moves, nor from coming home); ' +
      'so does one whose move was cancelled (from mandatory ones for 5m at most).',
  ),
  reverseMove: option(
    duration(),
    '2h',
    'A VM is not moved back to the host that it left this recently (mandatory moves and coming ' +
      'home excepted).',
  ),
  nativeBalancer: option(
    choice(['mandatory', 'none']),
    'mandatory',
    'What is still moved where a balancer of the platform moves VMs by itself (two never balance ' +
      'one cluster), as far as the source tells: libvirt does not.',
  ),
  movesPerPlan: optional(
    positive('a number of moves'),
    'Corrective and optional moves that one plan may hold; none: as many as it takes.',
  ),
  budgets: section({
    movesPerHour: option(
      positive('a number of moves'),
      60,
      'Corrective and optional moves an hour.',
    ),
    movesPerVmPerDay: option(positive('a number of moves'), 4, 'Such moves of one VM in 24 hours.'),
    movesPerHostPerHour: optional(
      positive('a number of moves'),
      'Such moves away from one host an hour, and as many to it; none: no limit of its own.',
    ),
    movesPerClusterPerHour: optional(
      positive('a number of moves'),
      'Such moves in, into or out of one cluster an hour; none: no limit of its own.',
    ),
    movesPerLinkPerHour: optional(
      positive('a number of moves'),
      'Such moves over one uplink of a switch an hour, in each direction; none: no limit.',
    ),
  }),
  windows: option(
    list(timeWindow),
    [],
    'Optional moves start inside one of these only; none: at any time.',
  ),
  blackouts: option(
    list(timeWindow),
    [],
    'No corrective or optional move starts inside one of these.',
  ),
  evacuatedShare: option(
    share(),
    '34%',
    "Largest share of a cluster's hosts that may be evacuated at once.",
  ),
  massFailureShare: option(
    share(),
    '30%',
    'More hosts than this newly failing at once: the monitoring is suspected, nothing moves.',
  ),
  repairsUnasked: option(
    whole('a number of VMs', { min: 0 }),
    20,
    'VMs that hard rules may have moved within an hour without anybody being asked; where an ' +
      'edit of the policies (or the world) breaks the rules of more, each further move asks for ' +
      'an approval.',
  ),
  gainMargin: option(
    share(),
    '5%',
    'What an optional plan gains must be this share more than what its moves cost.',
  ),
  consolidation: section({
    fillTo: section({
      cpu: option(
        share(),
        '65%',
        'consolidate: share of its CPU that no host may exceed by taking in VMs; at most every ' +
          '`relieveBelow`, or what is gathered would be relieved again.',
      ),
      memory: option(
        share(),
        '90%',
        'The same of its memory capacity; at most every `relieveBelow` of a rule about memory.',
      ),
    }),
    keepSpare: option(
      whole('a number of hosts', { min: 0 }),
      1,
      'consolidate: so many hosts of a cluster (the largest) can be lost, and those left on ' +
        'have the room for everything, within safetyCapacity.',
    ),
  }),
});

const ladder = (steps: readonly string[], who: string) =>
  option(
    list(choice(LADDER_STEPS)),
    steps,
    `What a live move of a ${who} VM climbs when it does not converge. post-copy has no way ` +
      'back: if the link or a host is lost under way, the guest stands still or is lost. ' +
      'cold: given up and moved by a stop and a start (needs permission cold).',
  );

const downtimeSteps = (who: string) =>
  option(
    list(duration({ above: 0 })),
    ['400ms', '500ms'],
    `What downtimeLimit is raised to, one after the other, for a ${who} VM that does not ` +
      'converge, before the next step of its ladder; the last is the cap. Those not above it are ' +
      'left out. Where auto-converge can only be chosen when a move begins (libvirt), the guest ' +
      'may be slowed down before.',
  );

export const migrationSchema = section({
  ladder: section({
    'mission-critical': ladder(['pre-copy', 'auto-converge'], 'mission-critical'),
    business: ladder(['pre-copy', 'auto-converge'], 'business'),
    standard: ladder(['pre-copy', 'auto-converge'], 'standard'),
    'best-effort': ladder(['pre-copy', 'auto-converge'], 'best-effort'),
  } satisfies Record<(typeof CRITICALITIES)[number], unknown>),
  downtimeLimit: option(
    duration({ above: 0 }),
    '300ms',
    'Longest stop of a guest that is aimed at, at first.',
  ),
  downtimeSteps: section({
    'mission-critical': downtimeSteps('mission-critical'),
    business: downtimeSteps('business'),
    standard: downtimeSteps('standard'),
    'best-effort': downtimeSteps('best-effort'),
  } satisfies Record<(typeof CRITICALITIES)[number], unknown>),
  timeoutPerGiB: option(
    duration({ above: 0 }),
    '60s',
    'A move is given up after this long per GiB (60 s at least).',
  ),
  bandwidth: optional(rate({ above: 0 }), "Cap for each migration; none: the link's own."),
  coldCrossVendor: option(
    choice(['allow', 'refuse']),
    'refuse',
    'Whether a cold move may go to a CPU of another vendor.',
  ),
  methods: option(list(choice(MOVE_METHODS)), ['pre-copy', 'cold'], 'Methods that may be planned.'),
  ownWithoutStandby: option(
    choice(WITHOUT_STANDBY),
    'leave',
    'What becomes of the VM of a controller (`own`) that has to leave its host while no other ' +
      'controller can take over: it stays and the operator is told, or it moves all the same.',
  ),
});

export const hostFailureSchema = section({
  restart: option(
    choice(['never', 'fenced']),
    'never',
    'fenced: VMs (with permission restart) of a host whose power is confirmed off are started ' +
      'elsewhere. Not for VMs that the platform itself restarts.',
  ),
  fence: option(
    choice(['never', 'automatic']),
    'never',
    'automatic: in mode automatic, the power of a host that is suspected dead is cut by its ' +
      'device (`fencing` in drover.yaml). If it was alive after all, its guests die. Only with ' +
      'restart: fenced, and not where a hook or a person is at work on the empty host.',
  ),
  suspectAfter: option(
    duration({ min: 10 }),
    '1m',
    'Two independent signs must agree for this long before a host is suspected dead.',
  ),
  requireStorageLocks: option(
    flag(),
    true,
    'Restart only VMs all of whose disks are on storagesWithLocks. false: also where nothing ' +
      'keeps a second copy off the disks, should the power be off in the report only.',
  ),
  storagesWithLocks: option(
    list(text('a storage, with * and ?')),
    [],
    'Storages on which the hypervisor locks disks, so that no second guest can open them.',
  ),
  alerts: option(list(text('the name of an alert')), [], 'Alerts that say that a host is down.'),
  readmit: option(
    choice(['operator', 'automatic']),
    'operator',
    'Who takes a host back that was dead, once nothing of the VMs restarted elsewhere is on it.',
  ),
});

export const modeObject = section({
  default: option(
    choice([...MODES, 'by-source']),
    'by-source',
    'observe executes nothing, approve asks, automatic acts; by-source: automatic on the ' +
      'simulated hypervisor, observe on every real one.',
  ),
  clusters: option(table(choice(MODES)), {}, 'Mode by cluster.'),
  approve: option(list(choice(TIERS)), [...TIERS], 'Tiers that need an approval in mode approve.'),
});

/** `mode: observe` is short for `mode: {default: observe}`. */
export const modeSchema = z.preprocess(
  (input) => (typeof input === 'string' ? { default: input } : input),
  modeObject,
);

export const maintenanceSchema = section({
  canaries: option(
    whole('a number of VMs', { min: 0 }),
    2,
    'So many VMs of the least important criticality come home first and try the host out; 0: ' +
      'no trial.',
  ),
  canaryFor: option(
    duration(),
    '5m',
    'So long they run there, and nothing speaks against the host, before the others follow.',
  ),
  onDeadline: option(
    choice(['keep-on', 'withdraw']),
    'keep-on',
    'What becomes of an order whose deadline has passed with VMs still on the host; withdraw ' +
      'returns the host to service.',
  ),
});

export const weightsSchema = section({
  overload: option(number('a weight'), 100, 'Weight of load beyond the safety capacity.'),
  imbalance: option(number('a weight'), 1, 'Weight of uneven load.'),
  softRules: option(number('a weight'), 1, 'Weight of broken soft placement rules.'),
  moveCost: option(number('a weight'), 0.001, 'Weight of what moving costs.'),
  power: option(
    number('a weight'),
    1,
    'Weight of 100 W that hosts with VMs draw when idle; counts where a rule consolidates.',
  ),
  balance: option(
    list(balancePair),
    [],
    'Pairs of resources of which hosts are to have the same proportion free, each with its weight.',
  ),
  perMove: option(size(), '2GiB', 'What a move is taken to cost beside its memory.'),
});
