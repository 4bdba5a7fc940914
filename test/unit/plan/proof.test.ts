// Role: what is said of needs that stay open, and of what each move does: the smallest set of
// causes, with names; certain only where nothing that could be moved would help.
import { describe, expect, it } from 'vitest';

import { networkId, ruleId, storageId } from '../../../src/domain/ids.ts';
import type { Host } from '../../../src/domain/host.ts';
import { ratio } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { plan } from '../../../src/plan/plan.ts';
import { smallestCover } from '../../../src/plan/hitting-set.ts';
import { aFailure, aFinding, aHost, aPin, aVm, anAntiAffinity, held } from '../../support/fleet.ts';
import { aFailoverReserve, aPreserve } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

const HOSTS = ['h1', 'h2', 'h3', 'h4', 'h5'].map((id) =>
  aHost({ id, ...(id === 'h3' ? { cpu: { features: ['aes'] } } : {}) }),
);
const LEAVE_H1 = aFinding('evacuate', { host: 'h1' });
const EMPTY_H1 = [LEAVE_H1];

describe('the proof of a VM that stays', () => {
  it('names the rule with its place, and what each of its hosts lacks', () => {
    const pin = { ...aPin('web', ['vm-7'], ['h2', 'h3']), origin: 'policies/web.yaml:12' };
    const vms = [
      aVm({ id: 'vm-7', memoryGib: 8 }),
      // Nobody can make it leave h2.
      aVm({ id: 'big', host: 'h2', memoryGib: 60, permission: 'observe', locked: true }),
    ];
    const { report } = plan(request({ hosts: HOSTS, vms, placement: [pin] }, EMPTY_H1));
    const proof = report.unresolved[0]?.proof;
    expect(proof?.certain).toBe(true);
    expect(proof?.text).toBe(
      'vm-7 cannot leave h1: h4, h5: pin (web (policies/web.yaml:12)); ' +
        'h2: memory (needs 8.0 GiB, 4.0 GiB free within the safety capacity); ' +
        'h3: cpu-features (missing avx, avx2, sse4.2)',
    );
    expect(proof?.causes.map(({ code, hosts }) => [code, hosts])).toEqual([
      ['pin', ['h4', 'h5']],
      ['memory', ['h2']],
      ['cpu-features', ['h3']],
    ]);
  });

  it('takes one cause where one is enough', () => {
    const vms = [aVm({ id: 'v1', locked: true, memoryGib: 100 })];
    const { report } = plan(request({ hosts: HOSTS, vms }, EMPTY_H1));
    expect(report.unresolved[0]?.proof?.causes.map(({ code }) => code)).toEqual(['locked']);
  });

  it('is certain of an image that no other host reaches: moving others changes nothing', () => {
    const place = { storage: storageId('h1'), shared: false };
    const vms = [aVm({ id: 'v1', media: [{ kind: 'cdrom', name: 'x.iso', ...place }] })];
    const { report } = plan(request({ hosts: HOSTS.slice(0, 2), vms }, EMPTY_H1));
    expect(report.unresolved[0]?.proof).toMatchObject({
      certain: true,
      text: 'v1 cannot leave h1: h2: media (cdrom x.iso on h1)',
    });
  });

  it('says that it holds only as things stand where others could make way', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' }), aHost({ id: 'h3' })];
    const vms = ['a', 'b', 'c'].map((id, i) => aVm({ id, host: `h${i + 1}` }));
    const placement = [anAntiAffinity('apart', ['a', 'b', 'c'])];
    const { report } = plan(request({ hosts, vms, placement }, EMPTY_H1));
    const proof = report.unresolved[0]?.proof;
    expect(proof?.certain).toBe(false);
    expect(proof?.text).toContain('a cannot leave h1: anti-affinity (apart (test))');
  });
});

describe('the proof beside a VM of unknown demand', () => {
  /** Of its 16 threads h2 keeps all 8 that `u` may use tomorrow. */
  function proofBeside(other: Partial<Vm>) {
    const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));
    const measured = { ...hosts[1], metrics: { 'cpu.used': held(1) } } as Host;
    const vms = [
      aVm({ id: 'v', cpuUsed: 6, vcpus: 8 }),
      { ...aVm({ id: 'u', host: 'h2', vcpus: 8 }), metrics: {}, ...other },
    ];
    const fleet = { hosts: hosts.with(1, measured), vms, placement: [aPin('p', ['v'], ['h2'])] };
    const finding = aFinding('repair', { trigger: { kind: 'placement', rule: ruleId('p') } });
    return plan(request(fleet, [finding])).report.unresolved[0]?.proof;
  }

  it('is not certain of the room that is kept for it as long as it could leave', () => {
    expect(proofBeside({})).toMatchObject({ certain: false });
    expect(proofBeside({ locked: true })).toMatchObject({ certain: true });
  });
});

describe('the proof beside a dead host', () => {
  const placement = [
    aPin('p', ['d', 'e'], ['h0', 'h1', 'h2']),
    anAntiAffinity('x', ['b1', 'c']),
    anAntiAffinity('y', ['b2', 'c']),
  ];

  it.each([[[LEAVE_H1]], [[aFinding('restart', { host: 'h0' }), LEAVE_H1]]])(
    'is certain of nothing where VMs that run could make room',
    (findings) => {
      const connection = 'disconnected';
      const hosts = ['h0', 'h1', 'h2', 'h3'].map((id) => {
        return aHost(id === 'h0' ? { id, connection, failure: aFailure() } : { id });
      });
      const vms = [
        aVm({ id: 'd', host: 'h0', memoryGib: 30, permission: 'restart' }),
        aVm({ id: 'e', host: 'h1', memoryGib: 30 }),
        ...['b1', 'b2'].map((id) => aVm({ id, host: 'h2', memoryGib: 25, permission: 'restart' })),
        aVm({ id: 'c', host: 'h3', memoryGib: 10 }),
      ];
      const asked = request({ hosts, vms, placement }, findings);
      const { unresolved } = plan(asked).report;
      expect(unresolved.map(({ proof }) => proof?.certain)).toEqual(findings.map(() => false));
    },
  );
});

it('the proof of a VM that the plan moves already is not certain: the next may move it', () => {
  const hosts = ['h0', 'h1', 'h2', 'h3'].map((id) => aHost({ id }));
  const guests = [20, 30, 30, 50];
  const vms = guests.map((memoryGib, i) => aVm({ id: `v${i}`, host: `h${i}`, memoryGib }));
  const placement = [aFailoverReserve('spare-room', ['h1', 'h2'], 1)];
  const trigger = { kind: 'placement', rule: ruleId('spare-room') } as const;
  const asked = request({ hosts, vms, placement }, [
    aFinding('evacuate', { host: 'h0' }),
    aFinding('repair', { trigger }),
  ]);
  const { plan: made, report } = plan(asked);
  expect(made.moves.map(({ vm }) => vm)).toEqual(['v0']);
  const about = report.unresolved.filter(({ code }) => code === 'planned-already');
  expect(about.map(({ proof }) => proof?.certain)).toEqual([false]);
});

describe('the proof of a host that stays overloaded', () => {
  it('adds up the room of all hosts within reach', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const vms = [
      ...['a', 'b', 'c', 'd'].map((id) => aVm({ id, cpuUsed: 3.9 })),
      ...['e', 'f', 'g'].map((id) => aVm({ id, host: 'h2', cpuUsed: 4 })),
    ];
    const asked = request({ hosts, vms }, [aFinding('relieve', { host: 'h1' })]);
    const proof = plan(asked).report.unresolved[0]?.proof;
    expect(proof).toMatchObject({ certain: true, causes: [] });
    expect(proof?.text).toContain('2.80 CPU has to leave h1');
    expect(proof?.text).toContain('the one other host within reach');
    expect(proof?.text).toContain('has room for 0.80 CPU');
  });

  it('says so where there is no other host', () => {
    const vms = [aVm({ id: 'a', cpuUsed: 3.9 }), aVm({ id: 'b', cpuUsed: 3.9, vcpus: 16 })];
    const fleet = { hosts: [aHost({ id: 'h1', threads: 8 })], vms };
    const proof = plan(request(fleet, [aFinding('relieve', { host: 'h1' })])).report.unresolved[0];
    expect(proof?.proof?.text).toContain('no other host is within reach');
  });

  it('names the VMs that can never leave, and no more of them than it takes', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const locked = { locked: true } as const;
    const vms = [
      aVm({ id: 'heavy', cpuUsed: 14, vcpus: 16, ...locked }),
      aVm({ id: 'light', cpuUsed: 0.1, ...locked }),
      aVm({ id: 'free', cpuUsed: 0.2 }),
    ];
    const asked = request({ hosts, vms }, [aFinding('relieve', { host: 'h1' })]);
    const proof = plan(asked).report.unresolved[0]?.proof;
    expect(proof?.certain).toBe(true);
    expect(proof?.causes.map(({ vm, code }) => [vm, code])).toEqual([['heavy', 'locked']]);
  });
});

it('the proof of a rule that asks for two resources is about the one that stays short', () => {
  const half = { share: ratio(0.5) };
  const vms = [
    aVm({ id: 'big', memoryGib: 50, locked: true }),
    ...['a', 'b', 'c', 'd'].map((id) => aVm({ id, memoryGib: 1, cpuUsed: 2.5 })),
  ];
  const placement = [aPreserve('keep', ['h1'], { cpu: half, memory: half })];
  const trigger = { kind: 'placement', rule: ruleId('keep') } as const;
  const asked = request({ hosts: HOSTS.slice(0, 2), vms, placement }, [
    aFinding('repair', { trigger }),
  ]);
  const { unresolved } = plan(asked).report;
  expect(unresolved.map(({ proof }) => proof)).toMatchObject([
    { certain: true, text: 'h1 has 18.0 GiB more than it should. big cannot leave h1: h2: locked' },
  ]);
});

describe('the proof of what no room can be made for', () => {
  const ROOMS = 'also by pushing others on, together have room for';
  const some = (host: string, ids: readonly string[], cpuUsed: number): readonly Vm[] =>
    ids.map((id) => aVm({ id, host, cpuUsed }));

  it('adds up the room of all hosts that a VM can reach, and says so of each who could go', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    // Each host has room for 0.8: a could take the place of d, if there were any other for d.
    const vms = [...some('h1', ['a', 'b', 'c'], 4), ...some('h2', ['d', 'e', 'f'], 4)];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const finding = aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } });
    const { report } = plan(request({ hosts, vms, placement }, [finding]));
    const proof = report.unresolved[0]?.proof;
    expect(proof?.certain).toBe(true);
    expect(proof?.text).toBe(
      ['a', 'b']
        .map(
          (vm) => `${vm} cannot leave h1: needs 4.00 CPU on one host; the 2 hosts within reach, `,
        )
        .map((text) => `${text}${ROOMS} 1.60 CPU`)
        .join('. '),
    );
  });

  it('is not certain while another of the group could leave, for all that is known', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const vms = [
      aVm({ id: 'a', cpuUsed: 6 }),
      // All the room there is would do for it, were it on one host.
      aVm({ id: 'b', cpuUsed: 1, memoryGib: 16 }),
      aVm({ id: 'c', cpuUsed: 5 }),
      aVm({ id: 'd', host: 'h2', cpuUsed: 12 }),
    ];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const finding = aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } });
    const { unresolved } = plan(request({ hosts, vms, placement }, [finding])).report;
    expect(unresolved[0]?.proof).toMatchObject({ certain: false });
    expect(unresolved[0]?.proof?.text).toContain('a cannot leave h1');
    expect(unresolved[0]?.proof?.text).toContain('no way was found to change that');
  });

  it('counts the room of hosts that only those can reach who are pushed on', () => {
    const [lan, dmz] = [networkId('lan'), networkId('dmz')];
    const hosts = [
      aHost({ id: 'h1', networks: [lan] }),
      aHost({ id: 'h2', networks: [lan, dmz] }),
      aHost({ id: 'h3', networks: [dmz] }),
    ];
    const vms = (most: number): readonly Vm[] => [
      ...['a', 'b', 'c'].map((id) => aVm({ id, cpuUsed: 4, networks: [lan] })),
      ...['d', 'e', 'f'].map((id) => aVm({ id, host: 'h2', cpuUsed: 4, networks: [dmz] })),
      aVm({ id: 'g', host: 'h3', cpuUsed: most, networks: [dmz] }),
    ];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const finding = aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } });
    // One of those on h2 leaves for h3, where what is free is enough with what h1 and h2 have.
    const few = plan(request({ hosts, vms: vms(8), placement }, [finding]));
    expect(few.plan.moves.map(({ to }) => to)).toEqual(['h3', 'h2']);
    const many = plan(request({ hosts, vms: vms(11), placement }, [finding]));
    const text = many.report.unresolved[0]?.proof?.text;
    expect(text).toContain(`a cannot leave h1: needs 4.00 CPU on one host; the 3 hosts within`);
    expect(text).toContain(`b cannot leave h1: needs 4.00 CPU on one host; the 3 hosts within`);
  });

  it('tells of a host that its largest VM finds room nowhere', () => {
    const hosts = [aHost({ id: 'h1' }), ...['h2', 'h3'].map((id) => aHost({ id, threads: 32 }))];
    const vms = [
      aVm({ id: 'huge', cpuUsed: 14, vcpus: 16 }),
      aVm({ id: 'tiny', cpuUsed: 0.5 }),
      ...some('h2', ['a', 'b', 'c'], 6.6),
      ...some('h3', ['d', 'e', 'f'], 6.6),
    ];
    const { report } = plan(request({ hosts, vms }, [aFinding('relieve', { host: 'h1' })]));
    const proof = report.unresolved[0]?.proof;
    expect(proof?.certain).toBe(true);
    expect(proof?.text).toContain('huge cannot leave h1: needs 14.00 CPU on one host');
    expect(proof?.text).toContain(`the 3 hosts within reach, ${ROOMS} 11.60 CPU`);
  });
});

describe('the smallest set of causes', () => {
  it('is smaller than what greed finds, where there is such', () => {
    // The largest cause first (0, of four) would need two more; 1 and 2 are enough.
    const rulingOut = [[0, 1], [0, 1], [0, 2], [0, 2], [1], [2]];
    expect(smallestCover(rulingOut)).toEqual([1, 2]);
  });

  it('does not exist where a target is not ruled out', () => {
    expect(smallestCover([[0], []])).toBeUndefined();
    expect(smallestCover([])).toEqual([]);
  });
});

describe('the effects of a move', () => {
  it('count down who still has to leave, and show how full the hosts become', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const vms = [aVm({ id: 'a', cpuUsed: 4 }), aVm({ id: 'b', cpuUsed: 2 })];
    const { moves } = plan(request({ hosts, vms }, EMPTY_H1)).plan;
    expect(moves.map(({ reason }) => reason.effects?.[0])).toEqual([
      { term: 'to-leave', host: 'h1', before: 2, after: 1 },
      { term: 'to-leave', host: 'h1', before: 1, after: 0 },
    ]);
    expect(moves[0]?.reason.effects).toContainEqual({
      term: 'cpu',
      host: 'h2',
      before: 0,
      after: 0.25,
    });
  });

  it('tell which rule a move mends', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b' })];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const trigger = { kind: 'placement', rule: 'apart' } as const;
    const finding = {
      ...aFinding('repair'),
      trigger: { ...trigger, rule: placement[0]?.id ?? '' },
    };
    const { moves } = plan(request({ hosts, vms, placement }, [finding])).plan;
    expect(moves).toHaveLength(1);
    expect(moves[0]?.reason.effects).toContainEqual({
      term: 'rule',
      rule: 'apart',
      before: 1,
      after: 0,
    });
  });
});
