/** What is generated from the chart and committed beside it; generating again leaves no diff. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chartFolder, helm, manifestsFile } from './helm.ts';
import { valuesReference } from './values-reference.ts';
import { valuesSchema } from './values.ts';

export interface Generated {
  readonly file: string;
  readonly text: string;
}

const docs = join(dirname(chartFolder), '..', '..', 'docs');
const placeholder = 'my-cluster';

/** For `npm run generate-docs`, without Helm. */
export function publishedDocuments(): readonly Generated[] {
  const values = readFileSync(join(chartFolder, 'values.yaml'), 'utf8');
  return [
    {
      file: join(chartFolder, 'values.schema.json'),
      text: `${JSON.stringify(valuesSchema(), undefined, 2)}\n`,
    },
    { file: join(docs, 'chart-values.md'), text: valuesReference(values) },
  ];
}

/** By Helm, which reads the schema: after `publishedDocuments`. */
export async function generatedManifests(): Promise<Generated> {
  const rendered = await helm([
    'template',
    'spillway',
    chartFolder,
    '--namespace=spillway-system',
    // Nobody uninstalls by `kubectl apply`.
    '--no-hooks',
    '--set=namespace.create=true',
    `--set=cluster=${placeholder}`,
  ]);
  const text = rendered
    // Nobody's release.
    .replaceAll('app.kubernetes.io/managed-by: Helm', 'app.kubernetes.io/managed-by: kubectl')
    .replaceAll(/^ *helm\.sh\/(chart|resource-policy): .*\n/gm, '')
    .replaceAll(/^ *annotations:\n(?=\S| {0,2}\S)/gm, '');
  return { file: manifestsFile, text: `${header}${text}` };
}

const header = `# Spillway without Helm: packages/chart/spillway rendered with its default values by \`npm run generate-manifests\`.
# Write your cluster's name for ${placeholder}, and neighbours' addresses for bootstrap, in the ConfigMap; make the
# Secret spillway-identity as values.yaml says. Deleting all of this deletes the namespace and the CRDs too.
`;
