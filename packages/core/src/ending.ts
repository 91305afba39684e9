/** What a program says when an error ends it, and its exit code. The same for every program of ours. */
import { type FaultCode, isFault } from './fault.ts';

export interface Ending {
  /** What to print; empty when the command line's parser has printed it already. */
  readonly text: string;
  /** 0 after --help; 2 when what a person typed or wrote is wrong; 1 when it failed. */
  readonly exitCode: number;
}

const aPersonsMistake: ReadonlySet<FaultCode> = new Set([
  'InvalidConfig',
  'InvalidId',
  'InvalidInput',
  'InvalidQuantity',
]);

/** `debug`: where an error was thrown is told, too. Without it no one sees a stack trace. */
export function endingOf(error: unknown, { debug }: { readonly debug: boolean }): Ending {
  const parsed = parserCode(error);
  if (parsed !== undefined) return { text: '', exitCode: parsed === 0 ? 0 : 2 };
  const exitCode = isFault(error) && aPersonsMistake.has(error.code) ? 2 : 1;
  return { text: textOf(error, debug), exitCode };
}

function textOf(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  if (debug) return `error: ${error.stack ?? error.message}`;
  const expected = isFault(error) || 'syscall' in error;
  const more = expected ? '' : '\nThis should not happen. SPILLWAY_DEBUG=1 shows where it did.';
  return `error: ${error.message}${more}`;
}

/** Of commander's own error: it has printed what is wrong, or the help that was asked for. */
function parserCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('exitCode' in error)) return undefined;
  const { code, exitCode } = error;
  if (typeof code !== 'string' || !code.startsWith('commander.')) return undefined;
  return typeof exitCode === 'number' ? exitCode : 1;
}
