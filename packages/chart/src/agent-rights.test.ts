import { readFileSync } from 'node:fs';
import { agentRights } from '@spillway/kubernetes';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { manifestsFile } from './helm.ts';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

/** `verb resource.group namespace name`, one for each that a rule grants. */
function granted(): readonly string[] {
  const documents = parseAllDocuments(readFileSync(manifestsFile, 'utf8'));
  return documents
    .map((document) => document.toJS() as Role | null)
    .filter((role) => role !== null)
    .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === 'spillway-agent')
    .flatMap(({ metadata: { namespace = '' }, rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [''] }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.flatMap((verb) =>
              resourceNames.map((name) => `${verb} ${resource}.${group} ${namespace} ${name}`),
            ),
          ),
        ),
      ),
    );
}

test('the rights that spillway doctor looks for are those that the chart grants: change them in agent-rights.ts, too', () => {
  const wanted = agentRights({ namespace: 'spillway-system', name: 'spillway-agent' }).map(
    ({ verb, resource, group, namespace = '', name = '' }) =>
      `${verb} ${resource}.${group} ${namespace} ${name}`,
  );
  expect(wanted.toSorted()).toEqual([...granted()].sort());
});
