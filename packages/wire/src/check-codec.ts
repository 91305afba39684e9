/** What a member answers another that checks how it is reached. */
import { CheckAnswer as AnswerMessage } from './gen/spillway/v1/check.ts';
import { count, decoded, invalid, text } from './validation.ts';

export const checkAnswerBytesMax = 4 * 1024;

export interface CheckAnswer {
  readonly version: string;
  /** Until the asker's certificate expires, by the answerer's clock. */
  readonly certificateLeftMs: number;
  /** Unfinished guests of the asker's that run there. */
  readonly guests: number;
  /** Whether the answerer could dial the asker. */
  readonly dialled: DialOutcome;
}

export type DialOutcome =
  | { readonly ok: true; readonly rttMs: number }
  | { readonly ok: false; readonly problem: string };

const versionMax = 64;
const problemMax = 500;
const guestsMax = 1_000_000;

export function encodeCheckAnswer({ dialled, ...answer }: CheckAnswer): Uint8Array {
  return AnswerMessage.encode({
    ...answer,
    certificateLeftMs: Math.round(answer.certificateLeftMs),
    dialled: dialled.ok,
    dialledRttUs: dialled.ok ? Math.round(dialled.rttMs * 1_000) : 0,
    problem: dialled.ok ? '' : dialled.problem.slice(0, problemMax),
  }).finish();
}

/** @throws Fault `InvalidInput` */
export function decodeCheckAnswer(bytes: Uint8Array): CheckAnswer {
  if (bytes.length > checkAnswerBytesMax)
    throw invalid('check', `at most ${checkAnswerBytesMax} bytes`);
  const message = decoded('check', () => AnswerMessage.decode(bytes));
  if (!Number.isSafeInteger(message.certificateLeftMs))
    throw invalid('check.certificateLeftMs', 'an integer');
  return {
    version: text(message.version, 'check.version', versionMax),
    certificateLeftMs: message.certificateLeftMs,
    guests: count(message.guests, 'check.guests', guestsMax),
    dialled: message.dialled
      ? { ok: true, rttMs: message.dialledRttUs / 1_000 }
      : { ok: false, problem: text(message.problem, 'check.problem', problemMax) },
  };
}
