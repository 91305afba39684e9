/** The JSON Schemas that are published beside the scenarios: of a scenario, for editors, and of a report. */
import { join } from 'node:path';
import { z } from 'zod';
import { reportSchema } from '../results/result.ts';
import { scenarioFolder } from './load.ts';
import { scenarioSchema } from './schema.ts';

export function publishedSchemas(): readonly { readonly file: string; readonly text: string }[] {
  const text = (schema: z.ZodType, io: 'input' | 'output'): string =>
    `${JSON.stringify(z.toJSONSchema(schema, { io }), null, 2)}\n`;
  return [
    { file: join(scenarioFolder, 'scenario.schema.json'), text: text(scenarioSchema, 'input') },
    { file: join(scenarioFolder, 'report.schema.json'), text: text(reportSchema, 'output') },
  ];
}
