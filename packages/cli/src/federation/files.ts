/** Keys and certificates as files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Fault } from '@spillway/core';

/** @throws Fault `NotFound` naming the file. */
export function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault('NotFound', `${file} can't be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** `mode` holds for a file that is there already, too. */
export function write(file: string, text: string, mode: number): void {
  writeFileSync(file, text, { mode });
}
