/**
 * What can happen in a scenario, in the form of a file: what befalls the fleet, what people and
 * alerting systems ask, and what happens to Drover itself. Stories (test/stories) and `drover
 * simulate` read the same form.
 */

import { z } from 'zod';

import { type ConfigDocument, problemAt } from '../../config/document.ts';
import {
  anyText,
  choice,
  duration,
  flag,
  group,
  list,
  name,
  number,
  rate,
  share,
  size,
  table,
  text,
  whole,
} from '../../config/fields.ts';
import type { ConfigProblem } from '../../config/problem.ts';
import { HEALTH_COMPONENTS, HEALTH_LEVELS } from '../../domain/host.ts';
import { hostId, sourceId, vmId } from '../../domain/ids.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { ADAPTER_ERROR_CODES, type AdapterErrorCode } from '../../ports/metric-source.ts';
import {
  BREAK_STAGES,
  CALL_EFFECTS,
  CORRUPTIONS,
  type LastingFault,
} from '../../simulate/fault.ts';

const host = name('the id of a host', hostId);
const vm = name('the id of a VM', vmId);
const source = name('the name of a source', sourceId).optional();
/** Left out: until the story ends. */
const lasting = { for: duration().optional() };
const CALLS = [
  ...(['any', 'inventory', 'read', 'locate', 'precheck', 'startMove', 'job', 'steer'] as const),
  ...(['abort', 'commit', 'cleanUp', 'setMaintenance'] as const),
];
const celsius = number('degrees');
// The keys of that very table.
const codes = Object.keys(ADAPTER_ERROR_CODES) as AdapterErrorCode[];

/** src/simulate/fault.ts in the form of a file: `for: 10m` instead of `forSeconds: 600`. */
const FAULTS = {
  overheat: group({ host, celsius, ramp: duration().optional(), ...lasting }),
  health: group({
    host,
    component: choice(HEALTH_COMPONENTS),
    level: choice(HEALTH_LEVELS),
    detail: text('what the sensor says'),
    ...lasting,
  }),
  surge: group({ host, factor: number('a factor'), ...lasting }),
  'host-crash': group({ host, hangs: flag().optional(), ...lasting }),
  'power-device': group({ host, ...lasting }),
  link: group({ host, factor: share(), ...lasting }),
  'control-cut': group({ host, ...lasting }),
  refusing: group({ host, ...lasting }),
  queue: group({ wait: duration({ above: 0 }), source, ...lasting }),
  call: group({
    call: choice(CALLS),
    effect: choice(CALL_EFFECTS),
    code: choice(codes).optional(),
    times: whole('a number of calls', { min: 1 }).optional(),
    source,
  }),
  migration: group({ vm, stage: choice(BREAK_STAGES) }),
  drift: group({ vm, to: host }),
  'maintenance-mode': group({ host, on: flag() }),
  delete: group({ vm }),
  resize: group({ vm, memory: size({ above: 0 }) }),
  samples: group({ host, corruption: choice(CORRUPTIONS), ...lasting }),
  'source-clock': group({ delta: z.number(), source, ...lasting }),
  'dirty-rate': group({ vm, rate: rate(), ...lasting }),
  lock: group({ vm, ...lasting }),
};

const LASTING_FAULTS = [
  ...(['overheat', 'health', 'surge', 'host-crash', 'link', 'control-cut', 'samples'] as const),
  ...(['source-clock', 'dirty-rate', 'lock', 'power-device', 'refusing', 'queue'] as const),
] satisfies readonly LastingFault['kind'][];

const ordered = { host, reason: anyText(), by: text('a name'), deadline: duration().optional() };
const by = { by: text('a name') };

/** What people and alerting systems ask of Drover. */
const REQUESTS = {
  maintenance: group({ ...ordered, hook: text('the name of a hook').optional() }),
  evacuate: group(ordered),
  /** Hosts or clusters, one group after the other. */
  rolling: group({
    names: list(text('a host or cluster')),
    batch: whole('a number of hosts', { min: 1 }),
    hook: text('the name of a hook').optional(),
    reason: anyText(),
    ...by,
  }),
  /** Of the rolling maintenance that is under way. */
  'rolling-steer': group({ what: choice(['pause', 'resume', 'cancel']), ...by }),
  return: group({ host, ...by }),
  /** A whole site. */
  'evacuate-site': group({ site: text('a site'), reason: anyText(), ...by }),
  'return-site': group({ site: text('a site'), ...by }),
  alert: group({
    name: text('the name of the alert'),
    status: choice(['firing', 'resolved']).optional(),
    labels: table(anyText()),
    annotations: table(anyText()).optional(),
    /** Since when it fires, as its sender writes it. */
    startsAt: anyText().optional(),
  }),
  /** A VM, host or order, or the `newest plan`: its moves are stopped. */
  cancel: group({ name: text('a VM, host or order'), withdraw: flag().optional(), ...by }),
  /** A circuit breaker. */
  reset: group({ name: text('the name of a breaker'), ...by }),
  pause: group(by),
  resume: group(by),
  /** `shown`: the plan that was the newest at that time of the story; left out: the newest. */
  approve: group({ ...by, shown: duration().optional() }),
};

const OTHERS = {
  /** Somebody switches the power of a host at its device. */
  power: group({ host, on: flag() }),
  /** Ends a lasting fault before its time. */
  heal: group({ fault: choice(LASTING_FAULTS), host: host.optional() }),
  /** The file of the story that takes the place of its last policy file. */
  policy: group({ file: text('a file of this folder') }),
  /** The process dies (kill -9) and is started again after `for`. */
  crash: group({ for: duration() }),
  /** It is stopped in good order and started again after `for`. */
  restart: group({ for: duration() }),
};

const ACTIONS = { ...FAULTS, ...REQUESTS, ...OTHERS };

const step = group({
  at: duration(),
  ...Object.fromEntries(Object.entries(ACTIONS).map(([key, form]) => [key, form.optional()])),
});

/** What happens when the hook is run, attempt by attempt; the last one again and again. */
const hook = group({
  takes: duration(),
  answers: list(choice(['done', 'failed'])),
  attempts: whole('a number of attempts', { min: 1 }).optional(),
});

/** What stories and scenarios have in common. */
export const scenarioFields = {
  duration: duration({ above: 0 }),
  /** `default` is the shipped policy. */
  policies: list(text('default, or the path of a policy file')).optional(),
  /** Drover can switch the power of every host, and ask the host itself past its hypervisor. */
  fencing: flag().optional(),
  /** Hosts are asked whether they reach one that does not answer. */
  peers: flag().optional(),
  /** Guests are asked at their own addresses. */
  guests: flag().optional(),
  /** No second copy of a guest can open its disks. */
  storageLocks: flag().optional(),
  hooks: table(hook).optional(),
  events: list(step).optional(),
};

type OneOf<Forms extends Record<string, z.ZodType>> = {
  [Kind in keyof Forms]: { readonly kind: Kind } & Readonly<z.output<Forms[Kind]>>;
}[keyof Forms];
export type FaultAction = OneOf<typeof FAULTS>;
export type Request = OneOf<typeof REQUESTS>;
export type Action = FaultAction | Request | OneOf<typeof OTHERS>;

export function isFault(action: Action): action is FaultAction {
  return Object.hasOwn(FAULTS, action.kind);
}

export function isRequest(action: Action): action is Request {
  return Object.hasOwn(REQUESTS, action.kind);
}

export interface ScenarioStep {
  readonly at: number;
  readonly action: Action;
}

export interface Scenario {
  /** Policies are looked for here. */
  readonly folder: string;
  /** Absolute; `default` is left as it is. */
  readonly policies: readonly string[];
  readonly seconds: number;
  readonly fencing: boolean;
  readonly peers: boolean;
  readonly guests: boolean;
  readonly hooks: Readonly<Record<string, z.output<typeof hook>>>;
  readonly steps: readonly ScenarioStep[];
}

/** Each event has a time and one thing that happens. */
export function stepsOf(
  events: readonly z.output<typeof step>[],
  document: ConfigDocument,
): Result<readonly ScenarioStep[], ConfigProblem[]> {
  const steps: ScenarioStep[] = [];
  const problems: ConfigProblem[] = [];
  for (const [index, { at, ...actions }] of events.entries()) {
    const [first, ...more] = Object.entries(actions).filter(([, action]) => action !== undefined);
    if (first === undefined || more.length > 0) {
      const place = document.place(['events', index], 'value');
      const found = first === undefined ? 'nothing happens' : `${more.length + 1} things happen`;
      const expected = `beside "at" one of ${Object.keys(ACTIONS).join(', ')}`;
      problems.push(problemAt(document.file, place, `${found} in this event`, { expected }));
      continue;
    }
    const [kind, details] = first;
    // The schema has read the details of this very kind.
    steps.push({ at, action: { ...(details as object), kind } as unknown as Action });
  }
  return problems.length > 0 ? fail(problems) : ok(steps);
}
