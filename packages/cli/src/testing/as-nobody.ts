/** `spillway federation …` as a user who is not root: loaded first, since a checkout may be root's alone. */
import '../federation/admit.ts';
import '../federation/init.ts';
import '../federation/inspect.ts';
import '../federation/revoke.ts';
import { isFault } from '@spillway/core';
import { spillwayProgram } from '../program.ts';

const nobody = 65534;

if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
try {
  await spillwayProgram().parseAsync();
} catch (error) {
  if (!isFault(error)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
