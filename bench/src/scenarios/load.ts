/** Scenario files: found by name among those that come with the benchmark, or by path. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { parse } from 'yaml';
import { type Scenario, scenarioSchema } from './schema.ts';

export const scenarioFolder = join(
  dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  'scenarios',
);

export function builtInNames(): readonly string[] {
  return readdirSync(scenarioFolder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** @throws Fault `NotFound`, or `InvalidInput` that names file and field. */
export function loadScenario(nameOrFile: string): Scenario {
  const builtIn = join(scenarioFolder, `${nameOrFile}.yaml`);
  const file = existsSync(nameOrFile) ? nameOrFile : builtIn;
  if (!existsSync(file)) {
    throw new Fault(
      'InvalidInput',
      `no scenario ${nameOrFile}: there are ${[...builtInNames(), 'trace'].join(', ')}, or give a YAML file`,
    );
  }
  return readScenario(readFileSync(file, 'utf8'), file);
}

export function readScenario(text: string, file: string): Scenario {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Fault('InvalidInput', `${file}: ${(error as Error).message}`, { cause: error });
  }
  const result = scenarioSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || '(top level)'}: ${message}`,
  );
  throw new Fault('InvalidInput', `${file} is no scenario:\n  ${problems.join('\n  ')}`);
}
