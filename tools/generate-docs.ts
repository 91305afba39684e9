/**
 * `npm run generate-docs`: writes every page and schema that is made from code. Tests of the packages
 * that they are made from hold them to it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { publishedDocuments as agentDocuments } from '../packages/agent/src/config/documents.ts';
import { publishedDocuments as chartDocuments } from '../packages/chart/src/generated.ts';
import { publishedDocuments as cliDocuments } from '../packages/cli/src/documents.ts';
import { publishedDocuments as transparencyDocuments } from '../bench/src/transparency/page.ts';

const documents = [cliDocuments, agentDocuments, chartDocuments, transparencyDocuments];
for (const { file, text } of documents.flatMap((published) => published())) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${relative(process.cwd(), file)}\n`);
}
