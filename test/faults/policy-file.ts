// Role: the policy of a run: the one that Drover ships with, with other limits and some hard rules.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from '../../src/app/version.ts';
import type { VmId } from '../../src/domain/ids.ts';
import { CRITICALITIES } from '../../src/domain/vm.ts';
import type { Rules, RunMode } from './script.ts';

const SHIPPED = readFileSync(join(PACKAGE_ROOT, 'policies', 'default.yaml'), 'utf8');

const RESTART = 'hostFailure: { restart: fenced, fence: automatic, storagesWithLocks: [san] }';

export function policyText(rules: Rules, mode: RunMode): string {
  const { total, perHostIn, perHostOut, cooldownSeconds } = rules;
  const caps = `total: ${total}, perHostIn: ${perHostIn}, perHostOut: ${perHostOut}`;
  const text = [
    [/concurrency: \{.*\}/, `concurrency: { ${caps} }`],
    // Else a VM that was moved often waits for tomorrow, and nobody can tell it from one forgotten.
    [/budgets: \{.*\}/, 'budgets: { movesPerHour: 600, movesPerVmPerDay: 100 }'],
    [/cooldown: \w+/, `cooldown: ${cooldownSeconds}s`],
    [/mode: \{.*\}/, `mode: { default: ${mode} }`],
    [/^migration:$/m, `migration:\n  ownWithoutStandby: ${rules.ownWithoutStandby}`],
    ...waysTexts(rules),
  ].reduce((policy, [what, by]) => exchange(policy, what as RegExp, by as string), SHIPPED);
  const hard = 'strength: hard, vms: { names: [';
  const placement = [
    rules.apart.length > 1 &&
      `  - { id: apart, kind: anti-affinity, ${hard}${list(rules.apart)}] } }`,
    rules.pinned.length > 0 &&
      `  - { id: licence, kind: pin, ${hard}${list(rules.pinned)}] }, ` +
        `hosts: { names: [${list(rules.pinnedTo)}] } }`,
  ].filter((line) => line !== false);
  const more = placement.length === 0 ? [] : ['placement:', ...placement];
  const rest = [...permissionText(rules), ...(rules.restart ? [RESTART] : []), ''];
  return [text, ...more, ...ownText(rules), ...rest].join('\n');
}

function waysTexts({ ways }: Rules): readonly (readonly [RegExp, string])[] {
  if (ways === undefined) return [];
  const ladders = CRITICALITIES.map((criticality) => {
    const was = new RegExp(`^    ${criticality}: \\[pre-copy, auto-converge\\]$`, 'm');
    return [was, `    ${criticality}: [${ways.ladder[criticality].join(', ')}]`] as const;
  });
  return [
    ...ladders,
    [/methods: \[.*\]/, `methods: [${ways.methods.join(', ')}]`],
    [/safetyCapacity: \{.*\}/, `safetyCapacity: { cpu: ${ways.cpuPercent}%, memory: 100% }`],
  ];
}

/** The nearest decides: a name before all of them. */
function permissionText({ restart, ways }: Rules): readonly string[] {
  const who = (vms: readonly VmId[], permission: string): readonly string[] =>
    vms.length === 0 ? [] : [`  - { vms: { names: [${list(vms)}] }, permission: ${permission} }`];
  const entries = [
    ...(restart ? ['  - { vms: { names: ["*"] }, permission: restart }'] : []),
    ...who(restart ? [] : (ways?.stoppable ?? []), 'cold'),
    ...who(ways?.liveOnly ?? [], 'live'),
  ];
  return entries.length === 0 ? [] : ['permissions:', ...entries];
}

function ownText({ own }: Rules): readonly string[] {
  if (own.length === 0) return [];
  const entries = own.map(({ vm, role, controller }) => {
    const which = controller === undefined ? '' : `, controller: ${controller}`;
    return `  - { role: ${role}${which}, vms: { names: [${list([vm])}] } }`;
  });
  return ['own:', ...entries];
}

function exchange(text: string, what: RegExp, by: string): string {
  if (!what.test(text)) throw new Error(`policies/default.yaml has no ${what.source}`);
  return text.replace(what, by);
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
