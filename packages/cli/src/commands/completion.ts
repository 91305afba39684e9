/** `spillway completion bash | zsh | fish`: by @bomb.sh/tab, from the very commands there are. */
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/** Adds `completion`, and `complete`, which the shell's script calls. Call when all commands are there. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: 'completion' });
  const completion = program.commands.find((command) => command.name() === 'completion');
  completion?.description('print a script that completes commands in your shell').addHelpText(
    'after',
    `
Examples:
  source <(spillway completion bash)                                 in ~/.bashrc
  spillway completion zsh > "\${fpath[1]}/_spillway"
  spillway completion fish > ~/.config/fish/completions/spillway.fish

For kubectl spillway, put an executable kubectl_complete-spillway on the PATH:
  #!/bin/sh
  exec spillway complete -- "$@"`,
  );
}
