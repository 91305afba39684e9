/** A benchmark's folder: `report.json`, the whole of it, and `report.html`, to look at. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { htmlReport } from '../html-report/html-report.ts';
import { type Report, reportSchema } from '../results/result.ts';

export const reportFile = 'report.json';
export const htmlFile = 'report.html';

/** Both files, or an error: half a file passes for none. @throws Fault */
export function writeReport(folder: string, report: Report): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeWhole(join(folder, reportFile), `${JSON.stringify(report)}\n`);
    writeWhole(join(folder, htmlFile), htmlReport(report));
  } catch (error) {
    throw new Fault(
      'Unavailable',
      `the report could not be written to ${folder}: ${(error as Error).message}. Free some space or name another folder with --out.`,
      { cause: error },
    );
  }
}

/** @throws Fault that names file and field. */
export function readReport(folder: string): Report {
  const file = join(folder, reportFile);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Fault('InvalidInput', `${file} can't be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const result = reportSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new Fault(
    'InvalidInput',
    `${file} is no report of this benchmark: ${where}: ${issue?.message}`,
  );
}

function writeWhole(file: string, text: string): void {
  const partial = `${file}.${process.pid}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, file);
}
