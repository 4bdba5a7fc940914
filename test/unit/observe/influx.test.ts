import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Seconds, seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { type InfluxOptions, subscribeInflux } from '../../../src/observe/influx.ts';
import { TEST_NOW, aFinding, aHost, aSnapshot, aVm, held } from '../../support/fleet.ts';
import { type InfluxStub, startInfluxStub } from '../../support/influx-stub.ts';
import { aMove } from '../../support/plans.ts';
import { realClock } from '../../support/real-clock.ts';
import { aResult, planned } from '../../support/sample-events.ts';

let bus: EventBus;
let stub: InfluxStub;
let warnings: string[];

beforeEach(async () => {
  bus = new EventBus();
  stub = await startInfluxStub();
  warnings = [];
  bus.on('warning', ({ text }) => warnings.push(text));
});

afterEach(async () => {
  await stub.stop();
});

function write(options: Partial<InfluxOptions> = {}) {
  return subscribeInflux(bus, {
    url: stub.url,
    org: 'our org',
    bucket: 'drover',
    clock: realClock,
    flushSeconds: 0.01,
    closeSeconds: 20,
    ...options,
  });
}

function moves(count: number): void {
  for (let i = 0; i < count; i++)
    bus.emit('move-ended', {
      move: aMove({ id: `m${i}` }),
      vmName: 'web',
      result: aResult('succeeded'),
    });
}

describe('points', () => {
  it('tell hosts, plans, findings and moves in line protocol', async () => {
    const writer = write({ token: 'tok' });
    const hot = aHost({ id: 'h1', cpuUsed: 4, metrics: { 'cpu.used': held(4) } });
    const off = aVm({ id: 'v2', powerState: 'off' });
    const snapshot = aSnapshot({ hosts: [hot], vms: [aVm(), off] });
    bus.emit('snapshot', { snapshot, seconds: seconds(0) });
    bus.emit('planned', planned([aMove()]));
    bus.emit('finding-opened', aFinding('relieve', { host: 'h1' }));
    bus.emit('move-ended', { move: aMove(), vmName: 'web 1', result: aResult('succeeded') });
    await writer.close();
    expect(stub.lines).toEqual([
      'drover_fleet hosts=1,moves_in_flight=0,vms=2 1800000000000000001',
      'drover_host,cluster=c1,host=h1,name=h1,state=healthy ' +
        'connected=1,cpu_cores=4,cpu_ratio=0.25,vms=1 1800000000000000002',
      'drover_plan id="p1",moves=1,objective_after=0,objective_before=0,seconds=0.02,' +
        'unresolved=0 1800000000000000003',
      'drover_finding,host=h1,kind=overloaded,response=relieve,tier=optional,what=opened ' +
        'id="relieve-h1",text="relieve h1" 1800000000000000004',
      'drover_move,criticality=standard,from=h1,method=pre-copy,outcome=succeeded,' +
        'tier=optional,to=h2 bytes=4000000000,detail="",downtime_seconds=0.05,id="m1",' +
        'seconds=20,vm="v1",vm_name="web 1" 1800000000000000005',
    ]);
    expect(stub.requests[0]).toEqual({
      url: '/api/v2/write?org=our%20org&bucket=drover&precision=ns',
      authorization: 'Token tok',
    });
    expect(warnings).toEqual([]);
  });

  it('leave out what is not known', async () => {
    const writer = write();
    const blind = aHost({ id: 'h1', connection: 'disconnected', metrics: {}, cluster: undefined });
    bus.emit('snapshot', {
      snapshot: { ...aSnapshot(), hosts: [blind] },
      seconds: seconds(0),
    });
    const result = aResult('succeeded', { seconds: Number.NaN as Seconds, bytes: undefined });
    bus.emit('move-ended', { move: aMove(), vmName: 'web', result });
    await writer.close();
    expect(stub.lines[1]).toContain('drover_host,host=h1,name=h1,state=healthy connected=0,vms=0 ');
    expect(stub.lines[2]).not.toMatch(/[ ,]seconds=|bytes=|NaN/u);
  });

  it('keep names from outside inside their fields and tags', async () => {
    const writer = write();
    const name = 'a,b=c d"e\\\nforged x=1\\';
    bus.emit('snapshot', {
      snapshot: aSnapshot({ hosts: [aHost({ id: 'h1', name })] }),
      seconds: seconds(0),
    });
    bus.emit('move-ended', { move: aMove(), vmName: name, result: aResult('succeeded') });
    await writer.close();
    expect(stub.lines).toHaveLength(3);
    expect(stub.lines[1]).toContain('name=a\\,b\\=c\\ d"e//u000aforged\\ x\\=1/,state=healthy ');
    expect(stub.lines[2]).toContain('vm_name="a,b=c d\\"e\\\\\\\\u000aforged x=1\\\\"');
  });

  it('of one series and time are not one point', async () => {
    const writer = write();
    moves(50);
    await writer.close();
    expect(new Set(stub.lines.map((line) => line.split(' ').at(-1))).size).toBe(50);
  });
});

describe('the writer', () => {
  it('has everything landed when it is closed', async () => {
    const writer = write();
    moves(12_000);
    await writer.close();
    expect(stub.lines).toHaveLength(12_000);
    expect(stub.requests.length).toBeGreaterThanOrEqual(3);
  });

  it('keeps points while the server is away, and says so once', async () => {
    stub.mood = 503;
    const writer = write();
    moves(10);
    await vi.waitUntil(() => warnings.length > 0, { timeout: 20_000 });
    moves(10);
    stub.mood = 204;
    await writer.close();
    expect(stub.lines).toHaveLength(20);
    expect(warnings).toEqual([
      expect.stringMatching(/^InfluxDB at http:\/\/127.* does not take points: /u),
      expect.stringContaining('takes points again; 0 were lost'),
    ]);
  });

  it('drops what the server refuses for good, and goes on', async () => {
    stub.mood = 400;
    const writer = write();
    moves(10);
    await vi.waitUntil(() => warnings.length > 0, { timeout: 20_000 });
    stub.mood = 204;
    moves(5);
    await writer.close();
    expect(stub.lines).toHaveLength(5);
    expect(warnings[0]).toContain('refused 10 points');
  });

  it('holds no more than so many, the newest', async () => {
    stub.mood = 503;
    const writer = write({ mostPoints: 100 });
    moves(60);
    await vi.waitUntil(() => warnings.length > 0, { timeout: 20_000 });
    moves(90);
    stub.mood = 204;
    await writer.close();
    const ids = stub.lines.map((line) => /id="m(\d+)"/u.exec(line)?.[1]);
    const expected = [...Array.from({ length: 10 }, (_, i) => i + 50), ...Array(90).keys()];
    expect(ids).toEqual(expected.map(String));
    expect(warnings.at(-1)).toContain('did not get 50 points');
  });

  it('neither waits for a server that never answers, nor hides the loss', async () => {
    stub.mood = 'never';
    const writer = write({ closeSeconds: 0.2 });
    moves(3);
    await writer.close();
    expect(warnings).toEqual([expect.stringContaining('did not get 3 points')]);
  });

  it('does not show the password of its address, nor print to the console', async () => {
    const printed = vi.spyOn(console, 'error');
    const away = stub.url.replace('http://', 'http://user:s3cret@');
    await stub.stop();
    const writer = write({ url: away, closeSeconds: 0.3 });
    moves(3);
    await writer.close();
    expect(warnings.join(' ')).toContain('[redacted]@127.0.0.1');
    expect(warnings.join(' ')).not.toContain('s3cret');
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
  });

  it('refuses an address of another kind', () => {
    expect(() => write({ url: 'ftp://h1' })).toThrow(/protocol/u);
  });

  it('hears nothing any more once it is closed', async () => {
    const writer = write();
    await writer.close();
    moves(3);
    bus.emit('finding-cleared', aFinding('level', { since: TEST_NOW }));
    expect(stub.requests).toEqual([]);
  });
});
