import type { Pod } from '@spillway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cluster } from '../testing/fixtures.ts';
import { droppedMax, guestPod } from './guest-pod.ts';
import { containerFields, metadataFields, specFields } from './guest-fields.ts';
import { guestTermsDefaults, keepsLabel } from './guest-terms.ts';

const json = fc.jsonValue({ maxDepth: 2 });
const text = fc.oneof(fc.string(), fc.constantFrom('app', 'a.example/b', 'helm.sh/chart'));
const selector = fc.record(
  { matchLabels: fc.dictionary(text, fc.string(), { maxKeys: 3 }) },
  { requiredKeys: [] },
);
const term = fc.record(
  {
    topologyKey: text,
    labelSelector: selector,
    namespaces: fc.array(text, { maxLength: 3 }),
    namespaceSelector: selector,
    matchLabelKeys: fc.array(text, { maxLength: 2 }),
  },
  { requiredKeys: ['topologyKey'] },
);
const toleration = fc.record(
  {
    key: fc.constantFrom('', 'node.kubernetes.io/not-ready', 'node.kubernetes.io/unschedulable'),
    operator: fc.constantFrom('Exists', 'Equal'),
    effect: fc.constantFrom('', 'NoSchedule', 'NoExecute'),
  },
  { requiredKeys: [] },
);
/** Fields that are checked by their insides here; any other may be any JSON. */
const shaped = ['containers', 'initContainers', 'affinity', 'tolerations', 'volumes'];
shaped.push('topologySpreadConstraints', 'terminationGracePeriodSeconds');
const anyField = fc.constantFrom(
  ...Object.keys(specFields).filter((field) => !shaped.includes(field)),
  'fieldOfTheFuture',
);
const podOfANeighbour: fc.Arbitrary<Pod> = fc
  .record({
    labels: fc.dictionary(text, fc.string(), { maxKeys: 80 }),
    annotations: fc.dictionary(text, fc.string(), { maxKeys: 80 }),
    others: fc.dictionary(anyField, json, { maxKeys: 6 }),
    container: fc.dictionary(fc.constantFrom(...Object.keys(containerFields)), json, {
      maxKeys: 4,
    }),
    required: fc.array(term, { maxLength: 3 }),
    tolerations: fc.array(toleration, { maxLength: 4 }),
  })
  .map(({ labels, annotations, others, container, required, tolerations }) => {
    // What the API's own types say of these is checked on the way in.
    const { image: _image, ports: _ports, resources: _resources, ...anything } = container;
    return {
      metadata: { name: 'p', namespace: 'n', uid: 'u', labels, annotations },
      spec: {
        ...others,
        containers: [{ ...anything, name: 'c' }],
        tolerations,
        affinity: {
          podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
        },
      },
    };
  });

function honoured(sent: Pod) {
  return guestPod(sent, {
    home: cluster('paris'),
    terms: guestTermsDefaults,
    guestNamespace: (home, namespace) => `guests-${home}-${namespace}`,
    homeNode: 'spillway-lyon',
  });
}

describe('guestPod', () => {
  test('whatever is sent: what comes is what the host’s terms name', () => {
    fc.assert(
      fc.property(podOfANeighbour, (sent) => {
        const { pod, dropped } = honoured(sent);
        for (const field of Object.keys(pod.spec))
          expect(['honoured', 'narrowed']).toContain(specFields[field]?.treatment);
        for (const field of Object.keys(pod.metadata)) expect(metadataFields).toHaveProperty(field);
        for (const key of Object.keys(pod.metadata.labels ?? {}))
          expect(keepsLabel(guestTermsDefaults, key)).toBe(true);
        for (const { key, effect } of pod.spec.tolerations ?? [])
          expect([key, effect]).toEqual([
            expect.stringMatching(/not-ready|unreachable/),
            'NoExecute',
          ]);
        const anti = pod.spec.affinity?.podAntiAffinity;
        for (const each of anti?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
          for (const name of each.namespaces ?? []) expect(name).toMatch(/^guests-paris-/);
          if (each.namespaceSelector !== undefined)
            expect(each.namespaceSelector.matchLabels).toEqual({ 'spillway.dev/home': 'paris' });
        }
        expect(dropped.length).toBeLessThanOrEqual(droppedMax);
      }),
    );
  });

  test('the same pod gets the same answer, and what is honoured once is honoured as it is', () => {
    fc.assert(
      fc.property(podOfANeighbour, (sent) => {
        const once = honoured(sent);
        expect(honoured(structuredClone(sent))).toEqual(once);
        // Files of the downward API apart, which show what the pod is at home.
        const { spec } = honoured(once.pod).pod;
        expect({ ...spec, affinity: undefined }).toEqual({ ...once.pod.spec, affinity: undefined });
      }),
    );
  });
});
