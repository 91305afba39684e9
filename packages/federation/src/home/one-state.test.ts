/** A pod is in one state, also when the watch is behind, or a host shows what it should not have. */
import { describe, expect, test } from 'vitest';
import { cluster, node, podOf, sealedAt } from '../testing/fixtures.ts';
import { homeOf, only } from '../testing/home.ts';
import { homeDefaults } from './config.ts';
import { type HomeEffect, refOf } from './events.ts';
import type { PodState } from './offloaded/states.ts';

const [near, far] = [cluster('near'), cluster('far')];
const { batchMs, retryMsMax } = homeDefaults;
const pod = podOf('a');
const { namespace, name, uid } = refOf(pod);

/** A home whose only node has `cpu`. `states` are those of its pods. */
function homeWith(cpu: string) {
  const tested = homeOf({
    nodes: [node('n', cpu)],
    neighbours: [
      { name: near, cpu: '4', rttMs: 10 },
      { name: far, cpu: '4', rttMs: 90 },
    ],
  });
  tested.step({ kind: 'synced' });
  tested.see(pod);
  const states = (): readonly PodState[] => [...tested.home.podStates().keys()];
  return { ...tested, states };
}

/** `near` has granted room for the pod, and its API server would take it: the binding is on its way. */
function bindingAway() {
  const tested = homeWith('500m');
  const [reserve] = tested.tickAt(batchMs);
  const [attempt] = tested.grant(reserve, 1);
  expect(tested.tried(attempt)).toMatchObject([{ kind: 'bindAway', host: near }]);
  return tested;
}

const kinds = (effects: readonly HomeEffect[]): readonly string[] =>
  effects.map(({ kind }) => kind).filter((kind) => kind !== 'tell');

describe('explain and podStates', () => {
  test('say how far a pod has come', () => {
    const tested = homeWith('500m');
    const { home, states } = tested;
    const explained = (): unknown => home.explain(namespace, name);
    expect(states()).toEqual(['pending']);
    const [reserve] = tested.tickAt(batchMs);
    expect(explained()).toMatchObject({ state: 'waiting', podState: 'asked' });
    const [attempt] = tested.grant(reserve, 1);
    expect(explained()).toMatchObject({
      podState: 'granted',
      message: 'near has room for it, and is asked whether its API server would take it',
    });
    tested.tried(attempt);
    expect(explained()).toMatchObject({ podState: 'binding', message: 'being bound to near' });
    tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    expect(explained()).toMatchObject({ state: 'away', podState: 'committing' });
    expect(states()).toEqual(['committing']);
  });
});

describe('while the watch is behind', () => {
  test('a pod that is offloaded is not placed again', () => {
    const tested = bindingAway();
    tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    // Its status was written before the binding, and is shown after the answer.
    tested.see({ ...pod, metadata: { ...pod.metadata, labels: { late: 'true' } } });
    expect(tested.states()).toEqual(['committing']);
    expect(kinds(tested.later(retryMsMax))).not.toContain('reserve');
  });

  test('a pod that is bound at home is not placed again', () => {
    const tested = homeWith('2');
    expect(tested.tickAt(batchMs)).toMatchObject([{ kind: 'bindLocally' }]);
    tested.step({ kind: 'boundLocally', uid, outcome: 'bound' });
    tested.see({ ...pod, metadata: { ...pod.metadata, labels: { late: 'true' } } });
    expect(tested.states()).toEqual(['bound']);
    expect(kinds(tested.later(retryMsMax))).toEqual([]);
    expect(tested.home.counts().waiting).toBe(0);
    tested.see({ ...pod, spec: { ...pod.spec, nodeName: 'n' } });
    expect(tested.states()).toEqual([]);
  });
});

describe('a pod that is not eligible for a moment, while it is being bound', () => {
  const gated = { ...pod, spec: { ...pod.spec, schedulingGates: [{ name: 'example.com/wait' }] } };

  test('waits for the end of that binding, so that no answer counts for another host', () => {
    const tested = bindingAway();
    tested.see(gated);
    tested.see(pod);
    expect(tested.states()).toEqual([]);
    expect(kinds(tested.later(retryMsMax))).toEqual([]);
    // It was bound to `near` after all.
    tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    tested.see(sealedAt(pod, near));
    expect(tested.home.explain(namespace, name)).toMatchObject({ state: 'away', host: near });
  });

  test('is placed again when the binding has failed', () => {
    const tested = bindingAway();
    tested.see(gated);
    tested.see(pod);
    tested.step({ kind: 'boundAway', uid, outcome: 'failed' });
    expect(tested.states()).toEqual(['pending']);
    expect(kinds(tested.later(batchMs))).toContain('reserve');
  });
});

describe('a host that shows a guest of a pod that is not bound to it', () => {
  const shown = {
    kind: 'status',
    ...refOf(pod),
    status: { phase: 'Running' },
    terminating: false,
  } as const;

  test('is told to release it, and the pod stays what it is', () => {
    const tested = homeWith('500m');
    tested.step({ kind: 'guest', host: far, update: shown });
    const ref = refOf(pod);
    const released = tested.step({ kind: 'orphanChecked', host: far, ref, pod });
    expect(only(released, 'release')).toMatchObject({ host: far, guests: [{ uid }] });
    expect(tested.states()).toEqual(['pending']);
    // And the pod is bound to another host as if nothing had been.
    const [reserve] = tested.later(batchMs).filter(({ kind }) => kind === 'reserve');
    const [attempt] = tested.grant(reserve, 1);
    tested.tried(attempt);
    const effects = tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    expect(only(effects, 'commit')).toMatchObject({ host: near });
    expect(tested.home.explain(namespace, name)).toMatchObject({ state: 'away', host: near });
  });

  test('is told to release it when the pod is at another host', () => {
    const tested = bindingAway();
    tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    tested.step({ kind: 'guest', host: far, update: shown });
    const bound = sealedAt(pod, near);
    const effects = tested.step({ kind: 'orphanChecked', host: far, ref: refOf(pod), pod: bound });
    expect(only(effects, 'release')).toMatchObject({ host: far, guests: [{ uid }] });
    tested.step({ kind: 'released', host: far, guests: [uid], outcome: 'ok' });
    const gone = { kind: 'gone', uid, reason: 'Released', message: 'released' } as const;
    tested.step({ kind: 'guest', host: far, update: gone });
    expect(tested.states()).toEqual(['committing']);
    expect([...tested.home.hosts()]).toEqual([near]);
  });
});
