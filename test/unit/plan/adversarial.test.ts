// Role: the planner on input that nobody means to give: empty fleets, what is not there, nothing to
// run on, clocks that went backwards.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { GIB, bytes, cores, epochSeconds } from '../../../src/domain/units.ts';
import { buildModel } from '../../../src/plan/model.ts';
import { plan } from '../../../src/plan/plan.ts';
import { TEST_NOW, aFinding, aHost, aVm } from '../../support/fleet.ts';
import { HOSTS, movesOf, request } from './support.ts';

describe('awkward input', () => {
  it('is planned without a word: no hosts, no VMs', () => {
    expect(plan(request({ hosts: [], vms: [] }, [])).plan.moves).toEqual([]);
    expect(plan(request({ hosts: [], vms: [] }, [aFinding('level')])).plan.moves).toEqual([]);
  });

  it('reports findings about what is not there', () => {
    const findings = [aFinding('evacuate', { host: 'gone' }), aFinding('return', { vm: 'gone' })];
    const { report } = plan(request({ hosts: HOSTS }, findings));
    expect(report.unresolved.map(({ code }) => code)).toEqual(['world-moved-on', 'world-moved-on']);
  });

  it('leaves a VM alone whose host is not in the snapshot', () => {
    const vms = [aVm({ id: 'lost', host: 'gone' }), aVm()];
    expect(movesOf(request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]))).toEqual(
      ['v1: h1 > h2'],
    );
  });

  it('reads reservations alike in whatever order they come', () => {
    const reservations = [
      ['m1', 'h2', 0.1],
      ['m2', 'h3', 0.2],
      ['m3', 'h2', 0.2],
      ['m4', 'h2', 0.3],
    ].map(([move, host, cpu]) => ({
      move: moveId(`${move}`),
      vm: vmId('v1'),
      host: hostId(`${host}`),
      memoryBytes: bytes(4 * GIB),
      cpu: cores(Number(cpu)),
    }));
    const read = (some: typeof reservations) => {
      const { alsoAt, gross } = buildModel(
        request({ hosts: HOSTS, vms: [aVm()], reservations: some }, []),
      );
      return { alsoAt, gross };
    };
    expect(read(reservations.toReversed())).toEqual(read(reservations));
    expect(read([...reservations.slice(2), ...reservations.slice(0, 2)])).toEqual(
      read(reservations),
    );
  });

  it('takes a host without cores or memory as full', () => {
    const empty = aHost({ id: 'h2', threads: 0, memoryGib: 0 });
    const asked = request({ hosts: [aHost(), empty], vms: [aVm()] }, [
      aFinding('evacuate', { host: 'h1' }),
    ]);
    expect(plan(asked).plan.moves).toEqual([]);
    expect(plan(asked).plan.objective.before).toBeGreaterThanOrEqual(0);
  });

  // Further ahead than the cool-down lasts is a clock that was wrong; the daemon rests by itself
  // when its clock is set (src/app/clock-watch.ts).
  it('takes a move that lies a little in the future for one just made', () => {
    const lastMovedAt = { [vmId('v1')]: epochSeconds(TEST_NOW + 500) };
    const vms = [aVm({ cpuUsed: 14, vcpus: 14 })];
    const hosts = [aHost(), aHost({ id: 'h2', threads: 32 })];
    const asked = request({ hosts, vms, lastMovedAt }, [aFinding('relieve', { host: 'h1' })]);
    expect(plan(asked).plan.moves).toEqual([]);
  });

  it('counts huge pages on their own', () => {
    const hugePageBytes = bytes(GIB);
    const hugePages = [{ pageBytes: hugePageBytes, totalBytes: bytes(8 * GIB) }];
    const memory = { totalBytes: bytes(64 * GIB), reservedBytes: bytes(0), hugePages };
    const hosts = [aHost({ memory }), aHost({ id: 'h2', memory }), aHost({ id: 'h3' })];
    const vms = ['a', 'b', 'c'].map((id) => aVm({ id, hugePageBytes }));
    const result = plan(request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]));
    expect(result.plan.moves.map(({ to }) => to)).toEqual(['h2', 'h2']);
    expect(result.report.unresolved).toMatchObject([{ code: 'huge-pages' }]);
  });
});
