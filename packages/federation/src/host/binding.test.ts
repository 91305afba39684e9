import type { NodeName, Pod, PodSpec } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { isUnschedulable, isUnbound, pinnedNode, shadowSpec } from './binding.ts';

const node = 'n' as NodeName;
const pin = { key: 'metadata.name', operator: 'In', values: ['n'] };
const spec: PodSpec = { containers: [{ name: 'c' }] };

function pinnedTerms(of: PodSpec): unknown {
  const { affinity } = shadowSpec(of, { node, scheduler: 'default-scheduler' });
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}

function requiring(...nodeSelectorTerms: readonly object[]): PodSpec {
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return { ...spec, affinity: { nodeAffinity: required } };
}

describe('shadowSpec', () => {
  test('binds a shadow to its node where no scheduler is named', () => {
    expect(shadowSpec(spec, { node })).toEqual({
      ...spec,
      nodeName: 'n',
      schedulerName: 'spillway',
    });
  });

  test('leaves a shadow to the scheduler that is named, with one node to choose from', () => {
    const shadow = shadowSpec(spec, { node, scheduler: 'default-scheduler' });
    expect(shadow.nodeName).toBeUndefined();
    expect(shadow.schedulerName).toBe('default-scheduler');
    expect(pinnedTerms(spec)).toEqual([{ matchFields: [pin] }]);
  });

  test('pins every alternative of a required node affinity', () => {
    const disk = { key: 'disk', operator: 'Exists' };
    const arch = { key: 'arch', operator: 'In', values: ['arm64'] };
    const terms = requiring({ matchExpressions: [disk] }, { matchExpressions: [arch] });
    expect(pinnedTerms(terms)).toEqual([
      { matchExpressions: [disk], matchFields: [pin] },
      { matchExpressions: [arch], matchFields: [pin] },
    ]);
  });

  test('makes no node fit a term that fits none', () => {
    const disk = { key: 'disk', operator: 'Exists' };
    const terms = requiring({}, { matchExpressions: [disk] });
    expect(pinnedTerms(terms)).toEqual([{ matchExpressions: [disk], matchFields: [pin] }]);
  });

  test('keeps the rest of the affinity, and leaves spreading to the agent', () => {
    const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [] };
    const topologySpreadConstraints = [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', minDomains: 3 },
    ];
    const shadow = shadowSpec(
      { ...spec, affinity: { podAntiAffinity }, topologySpreadConstraints },
      { node, scheduler: 'default-scheduler' },
    );
    expect(shadow.affinity).toMatchObject({ podAntiAffinity });
    expect(shadow.topologySpreadConstraints).toBeUndefined();
  });
});

describe('an unbound shadow', () => {
  const of = (given: PodSpec, status: Pod['status'] = {}): Pod => ({
    metadata: {},
    spec: given,
    status,
  });

  test('says which node is held for it', () => {
    const disk = { key: 'disk', operator: 'Exists' };
    const place = { node, scheduler: 'default-scheduler' };
    const shadow = shadowSpec(requiring({ matchFields: [{ ...pin, values: ['m'] }] }), place);
    expect(pinnedNode(of(shadow))).toBe('n');
    expect(pinnedNode(of(requiring({ matchExpressions: [disk] })))).toBeUndefined();
    expect(pinnedNode(of(spec))).toBeUndefined();
  });

  test('waits until it is bound or has ended', () => {
    expect(isUnbound(of(spec))).toBe(true);
    expect(isUnbound(of({ ...spec, nodeName: 'n' }))).toBe(false);
    expect(isUnbound(of(spec, { phase: 'Failed' }))).toBe(false);
  });

  test('has found no room once its scheduler says so', () => {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
    expect(isUnschedulable(of(spec, { conditions: [condition] }))).toBe(true);
    const gated = { ...condition, reason: 'SchedulingGated' };
    expect(isUnschedulable(of(spec, { conditions: [gated] }))).toBe(false);
    expect(isUnschedulable(of(spec))).toBe(false);
  });
});
