const registry = 'https://registry-1.docker.io/v2/';
const answerMsMax = 3_000;

/** Whether Docker's registry can be reached from here: anybody else who answers in its stead does not say 401. */
export async function registryAnswers(): Promise<boolean> {
  try {
    const { status } = await fetch(registry, { signal: AbortSignal.timeout(answerMsMax) });
    return status === 200 || status === 401;
  } catch {
    return false;
  }
}
