import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { censusText } from './census-text.ts';
import { countFile } from './count-file.ts';
import { manifestsBelow } from './manifest-tree.ts';
import { type Census, namedMax, Tally } from './tally.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-census-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

function census(files: Readonly<Record<string, string>>): Census {
  for (const [name, text] of Object.entries(files)) write(name, text);
  const tally = new Tally();
  for (const file of manifestsBelow([folder])) countFile(file, tally);
  return tally.result();
}

/** Of one object; `spec`: of its pods, beside one container. */
function object(kind: string, { spec = '', at = 'template' } = {}): string {
  const pod = `{ spec: { ${spec} containers: [{ name: c, image: i }] } }`;
  const inside = at.split('.').reduceRight((inner, key) => `{ ${key}: ${inner} }`, pod);
  return `apiVersion: x/v1\nkind: ${kind}\nmetadata: { name: x }\nspec: ${inside}\n---\n`;
}

const claim = 'volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }],';
const hostPath =
  'volumes: [{ name: v, hostPath: { path: / } }, { name: w, hostPath: { path: /w } }],';

describe('a census', () => {
  test.each([
    ['Deployment', 'template'],
    ['ReplicaSet', 'template'],
    ['ReplicationController', 'template'],
    ['Job', 'template'],
    ['CronJob', 'jobTemplate.spec.template'],
    ['Sandbox', 'podTemplate'],
    ['RayCluster', 'headGroupSpec.template'],
  ])('finds the pod template of a %s', (kind, at) => {
    const { templates, mayLeave, kinds } = census({ 'a.yaml': object(kind, { at }) });
    expect([templates, mayLeave]).toEqual([1, 1]);
    expect(kinds).toEqual([{ kind, templates: 1, mayLeave: 1 }]);
  });

  test('finds a Pod, the items of a List, and JSON, in all folders below', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'c' }] } };
    const list = { apiVersion: 'v1', kind: 'List', items: [pod, pod] };
    const { templates, files } = census({
      'a.json': JSON.stringify(pod),
      'deep/er/b.yml': JSON.stringify(list),
      'deep/notes.txt': JSON.stringify(pod),
      '.git/c.yaml': JSON.stringify(pod),
    });
    expect(templates).toBe(3);
    expect(files).toMatchObject({ withTemplates: 2, withoutTemplates: 0, unread: 0 });
  });

  test('counts DaemonSets apart', () => {
    const { templates, daemonSets } = census({ 'a.yaml': object('DaemonSet') });
    expect([templates, daemonSets]).toEqual([0, 1]);
  });

  test('says what holds back the rest, most first, and what does so alone', () => {
    const both = `hostNetwork: true, ${claim}`;
    const text = [claim, both, both, hostPath].map((spec) => object('Job', { spec })).join('');
    const { mayLeave, heldBackBy } = census({ 'a.yaml': `${text}${object('Job')}` });
    expect(mayLeave).toBe(1);
    expect(heldBackBy.map(({ field, templates, alone }) => [field, templates, alone])).toEqual([
      ['volumes[].persistentVolumeClaim', 3, 1],
      ['hostNetwork', 2, 0],
      ['volumes[].hostPath', 1, 1],
    ]);
    expect(heldBackBy[0]?.example).toEqual({
      name: 'job/x',
      where: `${join(folder, 'a.yaml')}, document 1 (job/x)`,
      reason: 'uses PersistentVolumeClaim data, whose storage is at home',
    });
  });

  test('counts claims of a StatefulSet’s own templates and tokens of named service accounts', () => {
    const claims = `kind: StatefulSet
apiVersion: apps/v1
metadata: { name: db }
spec: { volumeClaimTemplates: [{ metadata: { name: d } }], template: { spec: { containers: [{ name: c }] } } }
---
`;
    const account = object('Job', { spec: 'serviceAccountName: robot,' });
    const { heldBackBy } = census({ 'a.yaml': claims + account });
    expect(heldBackBy.map(({ field }) => field)).toEqual([
      'serviceAccountName',
      'volumes[].persistentVolumeClaim',
    ]);
  });

  test('names what can’t be read, counts the rest of that file, and goes on', () => {
    const { templates, files, problems } = census({
      'a.yaml': `${object('Job')}containers: [\n`,
      'b.yaml': object('Job', { spec: 'initContainers: 3,' }),
      'c.yaml': object('Job'),
      'd.yaml': '\0containers',
    });
    expect(templates).toBe(2);
    expect(files).toMatchObject({ withTemplates: 1, unread: 3 });
    expect(problems.map((problem) => problem.slice(folder.length + 1, folder.length + 7))).toEqual([
      'a.yaml',
      'b.yaml',
      'd.yaml',
    ]);
  });

  test('counts templates of Helm apart: by their braces, or by their folder', () => {
    const { templates, files } = census({
      'chart/templates/a.yaml': object('Job', { spec: 'hostname: "{{ .Values.x }}",' }),
      'b.yaml': `${object('Job')}{{- if .Values.more }}\ncontainers: []\n`,
      'c.yaml': object('Job', { spec: 'hostname: "{{inputs.name}}",' }),
    });
    expect(files).toMatchObject({ helmTemplates: 2, withTemplates: 1, unread: 0 });
    expect(templates).toBe(1);
  });

  test('finds no pods in the schema of a CustomResourceDefinition, nor in files of other programs', () => {
    const schema = `kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: { name: x }
spec: { properties: { spec: { properties: { containers: { type: array } } } } }
`;
    const { templates, files } = census({
      'a.yaml': schema,
      'b.yaml': 'services: {}',
      'c.yaml': 'containers: []',
    });
    expect(templates).toBe(0);
    expect(files).toMatchObject({ withoutTemplates: 3, unread: 0 });
  });

  test('follows no links, which may lead in circles', () => {
    write('a.yaml', object('Job'));
    symlinkSync(folder, join(folder, 'again'));
    symlinkSync(join(folder, 'a.yaml'), join(folder, 'b.yaml'));
    expect(manifestsBelow([folder])).toEqual([join(folder, 'a.yaml')]);
  });

  test('keeps a bounded number of names', () => {
    const tally = new Tally();
    for (let i = 0; i <= namedMax; i++) tally.file('unread', `${i}`);
    expect(tally.result().files.unread).toBe(namedMax + 1);
    expect(tally.result().problems.length).toBe(namedMax);
  });
});

test('a census in words has the share first, and what could not be read last', () => {
  const text = censusText(
    census({
      'a.yaml': object('Job') + object('Job', { spec: claim }) + object('DaemonSet'),
      'b.yaml': 'containers: [',
    }),
  );
  expect(text).toMatch(/^2 pod templates: 1 may leave \(50 %\)\n\n1 more are of DaemonSets/);
  expect(text).toMatch(/Job +2 +1/);
  expect(text).toMatch(
    /volumes\[\]\.persistentVolumeClaim +1 +1 +job\/x uses PersistentVolumeClaim data/,
  );
  expect(text).toMatch(
    /1 with pod templates, 0 without, 0 Helm templates, 1 that can't be read whole\.\n.*b\.yaml/,
  );
});
