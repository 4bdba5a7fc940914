/**
 * What `drover plan --json` prints: the plan for other programs. A contract: keys are added, never
 * renamed or removed. Published as a JSON Schema.
 */

import { z } from 'zod';
import { TIERS } from '../domain/finding.ts';
import {
  type Contradiction,
  MOVE_METHODS,
  type Move,
  type PlanResult,
  type Proof,
  type Unresolved,
} from '../domain/plan.ts';
import { REFUSAL_CODES, type RefusalCode } from '../domain/refusal.ts';
import type { Seconds } from '../domain/units.ts';
import { CRITICALITIES } from '../domain/vm.ts';

const codes = Object.keys(REFUSAL_CODES) as RefusalCode[];
const amount = z.number().min(0);
const count = z.int().min(0);

const reason = z.strictObject({
  finding: z.string().describe('Id of the finding that the move serves.'),
  text: z.string().describe('For people.'),
  evidence: z
    .array(
      z.strictObject({
        fact: z.string(),
        operator: z.string(),
        threshold: z.unknown().optional(),
        value: z.unknown().optional(),
      }),
    )
    .describe('The conditions that held: fact, threshold and the value it met.'),
  terms: z.record(z.string(), z.number()).describe('Change of the terms; negative is better.'),
  effects: z
    .array(
      z.strictObject({
        term: z.enum(['cpu', 'memory', 'resource', 'to-leave', 'power', 'rule']),
        resource: z.string().optional(),
        host: z.string().optional(),
        rule: z.string().optional(),
        before: z.number(),
        after: z.number(),
      }),
    )
    .optional()
    .describe(
      'What the move changes, those before it done: shares of capacity in use on its hosts, VMs ' +
        'that still have to leave a host, watts that it need not draw once it is empty, VMs that ' +
        'stand against a placement rule.',
    ),
  price: z
    .strictObject({
      bytes: amount.describe('All together; `terms.moveCost` is that in GiB times the weight.'),
      diskBytes: amount.describe('Of disks that are copied, in it.'),
      factor: amount.describe('Of the way from host to host.'),
      path: z.string().optional().describe('Where that factor is written.'),
      groups: z
        .array(z.strictObject({ origin: z.string(), bytes: amount }))
        .describe('Prices of groups that this move is the first one to touch.'),
    })
    .optional()
    .describe('What the move is taken to cost, where prices of paths, disks or groups are in it.'),
});

const predicted = z.strictObject({
  startSeconds: amount.describe('From the start of the plan.'),
  seconds: amount,
  downtimeSeconds: amount,
  bytes: amount,
});

const move = z.strictObject({
  id: z.string(),
  vm: z.string(),
  from: z.string(),
  to: z.string(),
  method: z.enum(MOVE_METHODS),
  tier: z.enum(TIERS),
  criticality: z.enum(CRITICALITIES),
  reason,
  dependsOn: z
    .array(z.string())
    .describe('Moves that must have ended well before this one starts.'),
  predicted,
  overCpu: z
    .literal(true)
    .optional()
    .describe('The target may go above its safety capacity of CPU: no host has the room.'),
  overSoft: z
    .literal(true)
    .optional()
    .describe('The same of resources that the policy calls soft, up to all that the target has.'),
  alone: z
    .literal(true)
    .optional()
    .describe('Drover stands on the VM: nothing else moves beside it, and it goes last.'),
});

const proof = z
  .strictObject({
    certain: z
      .boolean()
      .describe('True: no plan can meet it. False: none was found, the rest being as planned.'),
    text: z.string(),
    causes: z.array(
      z.strictObject({
        vm: z.string(),
        code: z.enum(codes),
        detail: z.string(),
        hosts: z.array(z.string()).describe('Targets that it rules out and none before it does.'),
      }),
    ),
  })
  .describe('As few causes as leave no way out; empty where all hosts together lack the room.');

export const planOutputSchema = z.strictObject({
  moves: z
    .array(move)
    .describe('In the order they may start; strictly one after the other is always valid too.'),
  objective: z.strictObject({
    before: z.number(),
    after: z.number(),
    terms: z.record(z.string(), z.strictObject({ before: z.number(), after: z.number() })),
  }),
  refusals: z
    .partialRecord(z.enum(codes), count)
    .describe('Pairs of VM and host refused, by code.'),
  unresolved: z
    .array(
      z.strictObject({
        host: z.string().optional(),
        vm: z.string().optional(),
        code: z.enum(codes),
        detail: z.string(),
        proof: proof.optional(),
      }),
    )
    .describe('Needs that the plan leaves open; each about a host or a VM.'),
  contradictions: z
    .array(
      z.strictObject({
        rules: z.array(z.strictObject({ id: z.string(), origin: z.string() })),
        vms: z.array(z.string()).describe('Whom they leave no way.'),
        text: z.string(),
      }),
    )
    .optional()
    .describe(
      'Hard placement rules that no placement can satisfy together. Absent: not looked for, as ' +
        'in the first answer to an order.',
    ),
  notes: z
    .array(z.string())
    .describe('What was assumed, and why nothing is done where nothing is.'),
  stats: z.strictObject({
    hosts: count,
    vms: count,
    seconds: amount.describe('Wall time of planning and checking; 0 where it was not measured.'),
    evaluatedMoves: count,
    seed: z.int(),
  }),
});

export type PlanOutput = z.output<typeof planOutputSchema>;

/** @param seconds wall time that planning took, as the caller measured it. */
export function formatPlanOutput(
  { plan, report }: PlanResult,
  seconds: Seconds | 0 = 0,
  notes: readonly string[] = [],
): PlanOutput {
  const { hosts, vms, evaluatedMoves, seed } = report.stats;
  return {
    moves: plan.moves.map(moveOutput),
    objective: { ...plan.objective, terms: { ...plan.objective.terms } },
    refusals: { ...report.refusals },
    unresolved: report.unresolved.map(unresolvedOutput),
    ...(report.contradictions !== undefined && {
      contradictions: report.contradictions.map(contradictionOutput),
    }),
    notes: [...notes, ...report.notes],
    stats: { hosts, vms, seconds, evaluatedMoves, seed },
  };
}

function moveOutput(item: Move): PlanOutput['moves'][number] {
  const { id, vm, from, to, method, tier, criticality, dependsOn } = item;
  const { finding, text, evidence, terms, effects, price } = item.reason;
  return {
    id,
    vm,
    from,
    to,
    method,
    tier,
    criticality,
    reason: {
      finding,
      text,
      evidence: [...evidence],
      terms: { ...terms },
      ...(effects === undefined ? {} : { effects: effects.map((effect) => ({ ...effect })) }),
      ...(price && { price: { ...price, groups: price.groups.map((group) => ({ ...group })) } }),
    },
    dependsOn: [...dependsOn],
    predicted: { ...item.predicted },
    ...(item.overCpu === true && { overCpu: true }),
    ...(item.overSoft === true && { overSoft: true }),
    ...(item.alone === true && { alone: true }),
  };
}

function unresolvedOutput(open: Unresolved): PlanOutput['unresolved'][number] {
  const { subject, code, detail } = open;
  const said = {
    code,
    detail,
    ...(open.proof === undefined ? {} : { proof: proofOutput(open.proof) }),
  };
  return subject.kind === 'host' ? { host: subject.host, ...said } : { vm: subject.vm, ...said };
}

export function contradictionOutput({
  rules,
  vms,
  text,
}: Contradiction): NonNullable<PlanOutput['contradictions']>[number] {
  return { rules: rules.map((rule) => ({ ...rule })), vms: [...vms], text };
}

function proofOutput({ certain, text, causes }: Proof): z.output<typeof proof> {
  return { certain, text, causes: causes.map((cause) => ({ ...cause, hosts: [...cause.hosts] })) };
}
