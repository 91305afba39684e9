import { Fault } from '@spillway/core';

/** Asks on a terminal. @throws Fault `Cancelled` on no, `InvalidInput` where nobody can be asked. */
export async function confirmed(question: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new Fault('InvalidInput', `${question} This is not a terminal: use --yes to confirm`);
  const { confirm } = await import('@clack/prompts');
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr });
  if (answer !== true) throw new Fault('Cancelled', 'nothing was changed');
}
