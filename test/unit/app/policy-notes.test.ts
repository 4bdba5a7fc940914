import { describe, expect, it, onTestFinished } from 'vitest';

import { idleRuleNotes, modeNotes } from '../../../src/app/policy-notes.ts';
import { clusterId, sourceId } from '../../../src/domain/ids.ts';
import type { ModeSettings } from '../../../src/domain/policy.ts';
import { daemonOnVirtualTime } from '../../support/daemon-on-virtual-time.ts';
import { aHost, anAntiAffinity, aSnapshot } from '../../support/fleet.ts';
import { aFailoverReserve } from '../../support/rule-kinds.ts';

function inMode(clusters: ModeSettings['clusters']): { readonly mode: ModeSettings } {
  return { mode: { default: 'automatic', clusters, approve: [] } };
}

const FLEET = aSnapshot({
  hosts: [aHost({ id: 'h1', cluster: clusterId('blue') }), aHost({ id: 'h2' })],
  vms: [],
  placement: [anAntiAffinity('apart', []), aFailoverReserve('n+1', ['h1'])],
});

describe('the notes about policies', () => {
  it('name clusters that no host is in, and which one was probably meant', () => {
    const notes = modeNotes(
      inMode({ blue: 'observe', blu: 'observe', 'far-away': 'approve' }),
      FLEET,
    );
    expect(notes).toEqual([
      'mode.clusters: no host is in cluster blu (is blue meant?): its mode binds nobody',
      'mode.clusters: no host is in cluster far-away: its mode binds nobody',
    ]);
  });

  it('are in the status of the daemon', async () => {
    const bench = await daemonOnVirtualTime('54b-mode-for-no-cluster');
    onTestFinished(() => bench.stop());
    await bench.pass(60);
    expect(bench.daemon.api.status().notes[0]).toMatch(
      /^mode.clusters: no host is in cluster blu /,
    );
  });

  it('name rules that bind nobody, but no rule about hosts for having no VMs', () => {
    const all = { names: [], labels: {}, clusters: [], sites: [] };
    const about = { name: 'hot', origin: 'p.yaml:3', hosts: { ...all, clusters: ['bleu'] } };
    const rules = [about, { ...about, hosts: { ...all, clusters: ['blue'] } }];
    const asked = { rules } as unknown as Parameters<typeof idleRuleNotes>[0];
    expect(idleRuleNotes(asked, FLEET)).toEqual([
      'hot (p.yaml:3): no host of the fleet is meant by it',
      expect.stringMatching(/^apart \(.*\): no VM of the fleet is meant by it$/),
    ]);
  });

  it('say nothing while a source does not answer', () => {
    const source = { source: sourceId('lab'), lastAnswerAt: undefined, detail: '' };
    const sources = [{ ...source, state: 'down', consecutiveFailures: 2 } as const];
    expect(modeNotes(inMode({ blu: 'observe' }), { ...FLEET, sources })).toEqual([]);
    expect(idleRuleNotes({ rules: [] }, { ...FLEET, sources })).toEqual([]);
  });
});
