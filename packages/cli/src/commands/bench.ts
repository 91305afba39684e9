/** `spillway bench …` is `npm run bench -- …`: it comes with a checkout, since it starts whole clusters. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { Command } from 'commander';

export function benchCommand(): Command {
  return new Command('bench')
    .description('pending pods under Spillway and others; in a checkout only')
    .argument('[arguments...]', 'as for npm run bench --')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (args: readonly string[]) => {
      process.exitCode = await run(benchmark(), args);
    });
}

/** @throws Fault `Unavailable` outside a checkout. */
function benchmark(): string {
  try {
    return fileURLToPath(import.meta.resolve('@spillway/bench/benchmark'));
  } catch (error) {
    throw new Fault(
      'Unavailable',
      'the benchmark comes with a checkout of Spillway: clone it and run npm run bench there',
      { cause: error },
    );
  }
}

async function run(file: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
    stdio: 'inherit',
  });
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 130)));
  });
}
