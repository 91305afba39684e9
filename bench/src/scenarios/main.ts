/** `npm run generate-schema`: writes the JSON Schema of scenarios and of reports, for editors and readers. */
import { writeFileSync } from 'node:fs';
import { publishedSchemas } from './publish-schema.ts';

for (const { file, text } of publishedSchemas()) {
  writeFileSync(file, text);
  process.stdout.write(`${file}\n`);
}
