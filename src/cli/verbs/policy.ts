/** `drover policy check`: what an edit would mean, before anything moves by it. */

import { listed } from '../../domain/listed.ts';
import type { Command } from 'commander';

import type { ConfigProblem } from '../../config/problem.ts';
import type { PlacementRule } from '../../domain/placement.ts';
import type { Contradiction } from '../../domain/plan.ts';
import type { PolicySet } from '../../domain/policy.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { EXIT, printJson, type ExitCode, type Io } from '../io.ts';
import { countOf, formatLines } from '../table.ts';

interface CheckOptions {
  readonly fleet?: string;
  readonly json?: boolean;
}

/** What a rule is about in the fleet; a list of names by id, or absent where no fleet was given. */
interface RuleReach {
  readonly rule: string;
  readonly origin: string;
  readonly kind: string;
  readonly hosts?: readonly string[];
  readonly vms?: readonly string[];
}

interface PolicyCheck {
  readonly valid: boolean;
  /** Why it is not, with file, line and column. */
  readonly problems: readonly string[];
  readonly rules: readonly RuleReach[];
  readonly contradictions: readonly Pick<Contradiction, 'rules' | 'vms' | 'text'>[];
  /** What is valid, and most likely not meant. */
  readonly warnings: readonly string[];
}

const NAMES_SHOWN = 8;

const CHECK_HELP = `
Exit code 1: rules contradict each other; 2: a file is not valid.

Examples:
  drover policy check web.yaml                        is it valid?
  drover policy check web.yaml --fleet fleet.json     whom does each rule touch, can all hold?`;

export function addPolicy(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  const policy = program.command('policy').description('look at policies before they are in force');
  policy
    .command('check')
    .description('are policy files valid, do they contradict each other, whom does each rule touch')
    .argument('<file...>', 'policy files or folders, in the order in which they are merged')
    .option('--fleet <file>', 'the fleet that they are for')
    .option('--json', 'one JSON document instead of text')
    .addHelpText('after', CHECK_HELP)
    .action(async (files: string[], options: CheckOptions) =>
      setExit(await checkVerb(io, files, options)),
    );
}

async function checkVerb(
  io: Io,
  files: string[],
  { fleet, json }: CheckOptions,
): Promise<ExitCode> {
  const { loadPolicies } = await import('../../config/policies.ts');
  const { RuleBook } = await import('../../rules/rule-book.ts');
  const loaded = await loadPolicies(files);
  if (!loaded.ok) return refuse(io, loaded.error, json);
  const book = RuleBook.compile(loaded.value);
  if (!book.ok) return answer(io, { ...REFUSED, problems: book.error }, json, EXIT.usage);
  const snapshot = fleet === undefined ? undefined : await fleetUnder(loaded.value, fleet);
  const found = await lookAt(loaded.value, snapshot);
  const code = found.contradictions.length > 0 ? EXIT.findings : EXIT.done;
  return answer(io, found, json, code);
}

const REFUSED: PolicyCheck = {
  valid: false,
  problems: [],
  rules: [],
  contradictions: [],
  warnings: [],
};

async function refuse(
  io: Io,
  problems: readonly ConfigProblem[],
  json: boolean | undefined,
): Promise<ExitCode> {
  const { formatProblem } = await import('../../config/problem.ts');
  const onlyContradicts = problems.every(({ contradicts }) => contradicts === true);
  const code = onlyContradicts ? EXIT.findings : EXIT.usage;
  return answer(io, { ...REFUSED, problems: problems.map(formatProblem) }, json, code);
}

// oxlint-disable-next-line max-params -- what was found, and how it is to be said
function answer(io: Io, found: PolicyCheck, json: boolean | undefined, code: ExitCode): ExitCode {
  if (json === true) printJson(io, found);
  else io.out(checkText(found));
  return code;
}

/** The fleet as it is with the policies applied. */
async function fleetUnder(policies: PolicySet, file: string): Promise<Snapshot> {
  const { loadFleet } = await import('../inputs.ts');
  const { classify } = await import('../../rules/classify.ts');
  const { snapshot } = await loadFleet(file, { assumeHeld: true });
  return classify(snapshot, policies);
}

async function lookAt(policies: PolicySet, snapshot: Snapshot | undefined): Promise<PolicyCheck> {
  const valid = { valid: true, problems: [] };
  if (snapshot === undefined) {
    const { rules, placement } = policies;
    const reach = [
      ...rules.map(({ name, origin, response }) => ({ rule: name, origin, kind: response })),
      ...placement.map(({ id, origin, kind }) => ({ rule: id, origin, kind })),
      ...policies.own.map(({ role, origin }) => ({ rule: 'own', origin, kind: role })),
    ];
    return { ...valid, rules: reach, contradictions: [], warnings: [] };
  }
  const { contradictionsOf } = await import('../../plan/plan.ts');
  const { matches } = await import('../../rules/selector.ts');
  const { meantBy, ownNotes } = await import('../../rules/own-vms.ts');
  const { idleRuleNotes, modeNotes } = await import('../../app/policy-notes.ts');
  const { limits, migration, weights } = policies;
  const hostRules = policies.rules.map(({ name, origin, response, hosts }): RuleReach => {
    const about = snapshot.hosts.filter((host) => hosts === undefined || matches(hosts, host));
    return { rule: name, origin, kind: response, hosts: about.map((host) => host.name) };
  });
  const ownVms = policies.own.map((rule): RuleReach => {
    const vms = meantBy(rule, snapshot).map(({ name }) => name);
    return { rule: 'own', origin: rule.origin, kind: rule.role, vms };
  });
  const request = { snapshot, findings: [], limits, migration, weights, seed: 1 };
  return {
    ...valid,
    rules: [...hostRules, ...placementReach(snapshot), ...ownVms],
    warnings: [
      ...modeNotes(policies, snapshot),
      ...idleRuleNotes(policies, snapshot),
      ...ownNotes(policies.own, snapshot, undefined),
    ],
    contradictions: contradictionsOf(request),
  };
}

function placementReach({ placement, hosts, vms }: Snapshot): readonly RuleReach[] {
  const nameOf = new Map<string, string>([...hosts, ...vms].map(({ id, name }) => [id, name]));
  const named = (ids: readonly string[]): string[] => ids.map((id) => nameOf.get(id) ?? id);
  return placement.map((rule: PlacementRule): RuleReach => {
    const { id, origin, kind, strength } = rule;
    const about = 'hosts' in rule && rule.hosts ? { hosts: named(rule.hosts) } : {};
    return { rule: id, origin, kind: `${strength} ${kind}`, vms: named(rule.vms), ...about };
  });
}

function checkText({ valid, problems, rules, contradictions, warnings }: PolicyCheck): string {
  if (!valid) return formatLines(problems);
  const lines = rules.map(({ rule, origin, kind, hosts, vms }) => {
    const reach = [reachText('VM', vms), reachText('host', hosts)].filter((text) => text !== '');
    return `${rule} (${kind}, ${origin})${reach.length === 0 ? '' : `: ${reach.join('; ')}`}`;
  });
  const verdicts =
    contradictions.length === 0
      ? [`valid: ${countOf(rules.length, 'rule')}`]
      : contradictions.map(({ text }) => `contradictory: ${text}`);
  return formatLines([...lines, ...warnings.map((text) => `warning: ${text}`), ...verdicts]);
}

function reachText(what: string, names: readonly string[] | undefined): string {
  if (names === undefined) return '';
  if (names.length === 0) return `no ${what}`;
  return `${countOf(names.length, what)}: ${listed(names, NAMES_SHOWN)}`;
}
