/** `spillway bench …` and `testbed …` are `npm run bench|testbed -- …`: they come with a checkout, since they start whole clusters. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { Command } from 'commander';

export function benchCommand(): Command {
  return checkoutCommand('bench', {
    description: 'measure pending pods with Spillway and other systems; in a checkout only',
    module: '@spillway/bench/benchmark',
    examples: ['spillway bench list', 'spillway bench run --mode live'],
  });
}

export function testbedCommand(): Command {
  return checkoutCommand('testbed', {
    description: 'start clusters on this machine for trials; in a checkout only',
    module: '@spillway/testbed/command',
    examples: [
      'spillway testbed up --clusters 3',
      'spillway testbed status --json',
      'spillway testbed down',
    ],
  });
}

function checkoutCommand(
  name: string,
  options: {
    readonly description: string;
    readonly module: string;
    readonly examples: readonly string[];
  },
): Command {
  return new Command(name)
    .description(options.description)
    .argument('[arguments...]', `the same as for npm run ${name} --`)
    .helpOption(false)
    .allowUnknownOption()
    .addHelpText('after', `\nExamples:\n${options.examples.map((line) => `  ${line}`).join('\n')}`)
    .action(async (args: readonly string[]) => {
      process.exitCode = await run(fileOf(name, options.module), args);
    });
}

/** Found when it is called, not before: a bundle has no such modules. @throws Fault `NotFound` outside a checkout. */
function fileOf(name: string, module: string): string {
  try {
    return fileURLToPath(import.meta.resolve(module));
  } catch (error) {
    throw new Fault(
      'NotFound',
      `${name} works only in a checkout of Spillway: clone it, and run npm run ${name} there`,
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
