/** The form of a policy file. One file may have any of the sections; several files merge. */

import { z } from 'zod';
import { FINDING_KINDS, RESPONSES, TIERS } from '../domain/finding.ts';
import { formFaults } from '../domain/placement-form.ts';
import { OWN_ROLES } from '../domain/own-vm.ts';
import { PLACEMENT_KINDS } from '../domain/placement.ts';
import { CRITICALITIES, PERMISSIONS } from '../domain/vm.ts';
import { condition } from './conditions.ts';
import { costEntry } from './cost-schema.ts';
import { choice, duration, group, list, name, share, text, whole } from './fields.ts';
import { freeRoom } from './free-room.ts';
import {
  hostFailureSchema,
  limitsSchema,
  maintenanceSchema,
  migrationSchema,
  modeSchema,
  optional,
  weightsSchema,
} from './options.ts';
import { resourceEntry } from './resources-schema.ts';
import { selector } from './selector-schema.ts';

const rule = group({
  name: name('a name, unique among all policies'),
  description: optional(text('text'), 'For people.'),
  finding: optional(choice(FINDING_KINDS), 'What it is called; default by response.'),
  response: choice(RESPONSES),
  tier: optional(choice(TIERS), 'Default by response.'),
  hosts: optional(selector, 'Hosts that the rule looks at; none: all.'),
  when: condition,
  for: optional(duration(), 'The condition holds without a break for this long before it counts.'),
  clear: optional(condition, 'The finding ends when this holds; none: when `when` no longer does.'),
  relieveBelow: optional(
    share(),
    'relieve: the share to get below, where there is room, of CPU, or of the memory that is ' +
      'configured where the rule is about memory alone; none: safetyCapacity.',
  ),
});

const criticality = group({ vms: selector, criticality: choice(CRITICALITIES) });
const permission = group({ vms: selector, permission: choice(PERMISSIONS) });

const own = group({
  vms: selector,
  role: choice(OWN_ROLES),
  controller: optional(
    text('the name of a controller'),
    'role controller: which one (`controller.name` in drover.yaml); none: it may be any of them.',
  ),
}).refine(({ role, controller }) => controller === undefined || role === 'controller', {
  message: 'only a controller has this name',
  path: ['controller'],
  params: { expected: 'role: controller beside it' },
});

const placement = group({
  id: name('an id, unique among all policies'),
  kind: choice(PLACEMENT_KINDS),
  strength: choice(['hard', 'soft']),
  hold: optional(
    choice(['always', 'finally']),
    'In every state of a plan, or in the end; default always, for affinity finally.',
  ),
  vms: optional(selector, 'Whom it is about.'),
  on: optional(selector, 'dependency: each of vms needs one of these beside it.'),
  hosts: optional(
    selector,
    'pin, avoid, licensed (none: any), preserve, spare, failover-reserve: the hosts.',
  ),
  sets: optional(list(selector), 'among: the sets of hosts; a host is in one of them at most.'),
  over: optional(
    name('"host" or a kind of fault domain'),
    'affinity, anti-affinity, spread, dependency: default host.',
  ),
  minimum: optional(
    whole('a number of domains, at least 2', { min: 2 }),
    'spread: in how many of them the VMs are, at least.',
  ),
  maximum: optional(
    whole('a number of hosts, at least 1', { min: 1 }),
    'licensed: on how many hosts the VMs may be, at most.',
  ),
  scope: optional(
    choice(['each', 'all']),
    'preserve: each of the hosts keeps it free, or all of them in total; default each.',
  ),
  free: optional(freeRoom, 'preserve: what is kept free.'),
  failures: optional(
    whole('a number of hosts, at least 1', { min: 1 }),
    'failover-reserve: how many hosts may be lost at once; default 1.',
  ),
}).superRefine((spec, context) => {
  for (const { part, message } of formFaults(spec.kind, (key) => spec[key] !== undefined)) {
    context.addIssue({ code: 'custom', message, path: [part] });
  }
});

export const policySchema = group({
  apiVersion: choice(['drover/v1']),
  kind: choice(['Policy']),
  name: optional(name('a name'), 'Of the policy, for messages; default: the name of the file.'),
  rules: optional(list(rule), 'What is found, when, and what is done about it.'),
  criticality: optional(list(criticality), 'Which VMs are what; the nearest selector decides.'),
  permissions: optional(list(permission), 'What may be done to which VMs; the nearest decides.'),
  own: optional(
    list(own),
    'VMs that carry Drover itself, its ledger, its metric store or the manager of a hypervisor.',
  ),
  costs: optional(
    list(costEntry),
    'What moves cost: how many times as much as others for some VMs or paths, or once for a group.',
  ),
  placement: optional(list(placement), 'Where VMs may be.'),
  resources: optional(
    list(resourceEntry),
    'What hosts have and VMs need beside CPU and memory, and how far hosts are filled.',
  ),
  limits: limitsSchema,
  migration: migrationSchema,
  maintenance: maintenanceSchema,
  hostFailure: hostFailureSchema,
  mode: modeSchema,
  weights: weightsSchema,
});

export type PolicyFile = z.output<typeof policySchema>;
export type RuleEntry = NonNullable<PolicyFile['rules']>[number];
export type PlacementEntry = NonNullable<PolicyFile['placement']>[number];
