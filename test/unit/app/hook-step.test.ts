// Role: what is done about a hook, by how far it is and how the host is.
import { describe, expect, it } from 'vitest';

import { afterAttempt, type HookView, nextHookStep } from '../../../src/app/hook-step.ts';
import type { HookProgress } from '../../../src/domain/order.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';

const NOW = epochSeconds(1_000_000);
const HOOK = { attempts: 2, wellSeconds: seconds(300), patienceSeconds: seconds(1800) };

function progress(options: Partial<HookProgress> = {}): HookProgress {
  return { name: 'patch', state: 'waiting', attempts: 0, since: NOW, output: '', ...options };
}

function step(of: HookProgress, options: Partial<HookView> = {}) {
  const fine = { isEmpty: true, mayAct: true, isRunning: false, against: undefined, now: NOW };
  return nextHookStep(of, HOOK, { ...fine, ...options });
}

describe('the hook of a maintenance order', () => {
  it('starts on an empty host where Drover may act, and not before its time', () => {
    expect(step(progress())).toEqual({ kind: 'start' });
    expect(step(progress(), { isEmpty: false })).toEqual({ kind: 'nothing' });
    expect(step(progress(), { mayAct: false })).toEqual({ kind: 'nothing' });
    expect(step(progress({ since: epochSeconds(NOW + 1) }))).toEqual({ kind: 'nothing' });
  });

  it('is left alone while it runs', () => {
    const running = progress({ state: 'running', attempts: 2 });
    expect(step(running, { isRunning: true, isEmpty: false })).toEqual({ kind: 'nothing' });
    // Also where somebody has written down otherwise meanwhile.
    const wellSince = epochSeconds(NOW - 999);
    const done = progress({ state: 'done', attempts: 1, since: wellSince, wellSince });
    expect(step(done, { isRunning: true })).toEqual({ kind: 'nothing' });
    expect(step(progress(), { isRunning: true })).toEqual({ kind: 'nothing' });
  });

  it('that a restart cut off runs again where it may, else a person is called', () => {
    expect(step(progress({ state: 'running', attempts: 1 }))).toEqual({ kind: 'start' });
    const last = progress({ state: 'running', attempts: 2 });
    expect(step(last)).toMatchObject({ kind: 'fail' });
    expect(step(last, { mayAct: false })).toMatchObject({ kind: 'fail' });
  });

  it('is tried again after a pause that doubles, up to the last attempt', () => {
    const no = { isDone: false, detail: 'no' };
    const first = afterAttempt(progress({ state: 'running', attempts: 1 }), no, 3, NOW);
    expect(first).toMatchObject({ state: 'waiting', since: NOW + 60, output: 'no' });
    const second = afterAttempt({ ...first, state: 'running', attempts: 2 }, no, 3, NOW);
    expect(second).toMatchObject({ state: 'waiting', since: NOW + 120 });
    const third = afterAttempt({ ...second, state: 'running', attempts: 3 }, no, 3, NOW);
    expect(third.state).toBe('failed');
    expect(step(third)).toEqual({ kind: 'nothing' });
  });

  it('returns the host when that has been well for long enough', () => {
    const done = progress({ state: 'done', attempts: 1 });
    const at = (by: number) => ({ now: epochSeconds(NOW + by) });
    expect(step(done, at(10))).toEqual({ kind: 'note', wellSince: NOW + 10 });
    const well = { ...done, wellSince: epochSeconds(NOW + 10) };
    expect(step(well, at(309))).toEqual({ kind: 'nothing' });
    expect(step(well, at(310))).toEqual({ kind: 'return' });
  });

  it('counts anew when something speaks against the host, and gives up in the end', () => {
    const done = progress({ state: 'done', attempts: 1 });
    const ill = { against: 'no answer' };
    const well = { ...done, wellSince: NOW };
    expect(step(well, { ...ill, now: epochSeconds(NOW + 900) })).toEqual({
      kind: 'note',
      wellSince: undefined,
    });
    expect(step(done, { ...ill, now: epochSeconds(NOW + 1799) })).toEqual({ kind: 'nothing' });
    expect(step(done, { ...ill, now: epochSeconds(NOW + 1800) })).toEqual({
      kind: 'fail',
      detail: 'done, and the host is not well since: no answer',
    });
  });

  it('does not wait for the time of a clock that was set back since', () => {
    const ahead = epochSeconds(NOW + 5 * 365 * 86_400);
    expect(step(progress({ since: ahead, attempts: 1 }))).toEqual({ kind: 'start' });
    const done = progress({ state: 'done', attempts: 1, since: ahead });
    // How long it has been well is not known: that begins anew.
    expect(step({ ...done, wellSince: ahead })).toEqual({ kind: 'note', wellSince: NOW });
    expect(step(done, { against: 'no answer' })).toMatchObject({ kind: 'fail' });
  });
});
