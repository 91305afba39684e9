/** Shows what goes on and for how long; on a terminal in place, else a line now and then. */
export function startProgress(what: string): () => void {
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const terminal = process.stderr.isTTY;
  process.stderr.write(terminal ? what : `${what} …\n`);
  const timer = setInterval(
    () => process.stderr.write(terminal ? `\r${what} ${seconds()} ` : `${what}: ${seconds()} …\n`),
    terminal ? 1_000 : 30_000,
  );
  return () => {
    clearInterval(timer);
    process.stderr.write(`${terminal ? '\r' : ''}${what}: done in ${seconds()}\n`);
  };
}

export async function timed<T>(what: string, act: () => Promise<T>): Promise<T> {
  const done = startProgress(what);
  try {
    return await act();
  } finally {
    done();
  }
}
