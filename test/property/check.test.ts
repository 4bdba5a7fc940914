// Role: the checker against brute force. On small random plans every reachable state of every
// interleaving is visited one by one, and the checker has to agree exactly: no fault missed, no
// good plan refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { Move } from '../../src/domain/plan.ts';
import { seconds } from '../../src/domain/units.ts';
import {
  aHost,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
} from '../support/fleet.ts';
import { aMove, aPlan } from '../support/plans.ts';

const HOSTS = ['h0', 'h1', 'h2'];
const GROUP = ['v0', 'v1'];
const HOST_GIB = 24;

interface Case {
  readonly homes: readonly { readonly host: number; readonly gib: number }[];
  readonly moves: readonly { readonly vm: number; readonly hop: number; readonly needs: number }[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  homes: fc.array(fc.record({ host: fc.nat(2), gib: fc.integer({ min: 1, max: 10 }) }), {
    minLength: 2,
    maxLength: 6,
  }),
  moves: fc.array(
    fc.record({ vm: fc.nat(5), hop: fc.integer({ min: 1, max: 2 }), needs: fc.nat(63) }),
    { maxLength: 6 },
  ),
});

/** Moves whose VMs are where they say; a second move of a VM waits for the first. */
function planOf(example: Case): Move[] {
  const where = example.homes.map((home) => home.host);
  const last = new Map<number, string>();
  return example.moves.map(({ vm: draw, hop, needs }, i) => {
    const vm = draw % example.homes.length;
    const from = where[vm] ?? 0;
    const to = (from + hop) % HOSTS.length;
    where[vm] = to;
    const drawn = [...Array(i).keys()].filter((k) => (needs >> k) % 2 === 1).map((k) => `m${k}`);
    const own = last.get(vm);
    last.set(vm, `m${i}`);
    return aMove({
      id: `m${i}`,
      vm: `v${vm}`,
      from: `h${from}`,
      to: `h${to}`,
      dependsOn: [...new Set(own === undefined ? drawn : [...drawn, own])],
      predicted: { startSeconds: seconds(i * 30), seconds: seconds(30) },
    });
  });
}

type Stage = 'waiting' | 'running' | 'done';

/** Every state that some interleaving reaches: the stage of each move. */
function reachable(moves: readonly Move[]): Stage[][] {
  const start: Stage[] = moves.map(() => 'waiting');
  const seen = new Map([[start.join(), start]]);
  for (const state of seen.values()) {
    for (const [i, move] of moves.entries()) {
      const free = move.dependsOn.every((id) => state[Number(id.slice(1))] === 'done');
      const next = state[i] === 'running' ? 'done' : 'running';
      if (state[i] === 'done' || !free) continue;
      const after = state.with(i, next);
      seen.set(after.join(), after);
    }
  }
  return [...seen.values()];
}

/** Who is on which host in that state; a VM that moves is on both. */
function crowd(example: Case, moves: readonly Move[], state: readonly Stage[]): Set<string>[] {
  const on = HOSTS.map((_, host) => {
    return new Set(example.homes.flatMap((home, vm) => (home.host === host ? [`v${vm}`] : [])));
  });
  for (const [i, move] of moves.entries()) {
    if (state[i] === 'waiting') continue;
    on[Number(move.to.slice(1))]?.add(move.vm);
    if (state[i] === 'done') on[Number(move.from.slice(1))]?.delete(move.vm);
  }
  return on;
}

function gibOf(example: Case, there: Iterable<string>): number {
  return [...there].reduce((sum, vm) => sum + (example.homes[Number(vm.slice(1))]?.gib ?? 0), 0);
}

/** A host holds too much while a VM that the plan brought is, or is coming, there. */
function overfills(example: Case, moves: readonly Move[]): boolean {
  return reachable(moves).some((state) => {
    return crowd(example, moves, state).some((there, host) => {
      const brought = moves.some((move, i) => {
        return state[i] === 'running' && move.to === `h${host}`;
      });
      return brought && gibOf(example, there) > HOST_GIB;
    });
  });
}

/** A member of the group comes to a host on which another one is, or is coming or leaving. */
function meets(example: Case, moves: readonly Move[]): boolean {
  return reachable(moves).some((state) => {
    const on = crowd(example, moves, state);
    return moves.some((move, i) => {
      const there = on[Number(move.to.slice(1))];
      const joins = state[i] === 'running' && GROUP.includes(move.vm);
      return joins && GROUP.every((vm) => there?.has(vm));
    });
  });
}

function verdict(example: Case, moves: readonly Move[]): ReadonlySet<string> {
  const violations = check({
    snapshot: aSnapshot({
      hosts: HOSTS.map((id) => aHost({ id, memoryGib: HOST_GIB, threads: 64 })),
      vms: example.homes.map(({ host, gib }, i) => {
        return aVm({ id: `v${i}`, host: `h${host}`, memoryGib: gib });
      }),
      placement: [anAntiAffinity('apart', GROUP)],
    }),
    plan: aPlan(moves),
    limits: someLimits({ concurrency: { total: 99, perHostIn: 99, perHostOut: 99, perLink: 99 } }),
    migration: someMigration(),
  });
  return new Set(violations.map((violation) => violation.code));
}

describe('check, against brute force', () => {
  it('finds a host that may be overfilled exactly when there is one', () => {
    fc.assert(
      fc.property(cases, (example) => {
        const moves = planOf(example);
        expect(verdict(example, moves).has('memory')).toBe(overfills(example, moves));
      }),
      { numRuns: 400 },
    );
  });

  it('finds two that must not meet and may exactly when there are such', () => {
    fc.assert(
      fc.property(cases, (example) => {
        const moves = planOf(example);
        expect(verdict(example, moves).has('anti-affinity')).toBe(meets(example, moves));
      }),
      { numRuns: 400 },
    );
  });
});
