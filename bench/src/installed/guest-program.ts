/**
 * Runs in a guest's container, from standard input (`node --input-type=module-typescript - TRIES`). It does
 * what its JSON says, by name, and prints what happened in the words of docs/security.md. It is Node, from
 * the agent's own image: busybox's TLS is too old for an API server. It imports only Node's own modules.
 */
import { lookup } from 'node:dns/promises';
import { access } from 'node:fs/promises';

/** `dns:NAME`, `file:PATH`, or a URL to get. */
const tries = JSON.parse(process.argv[2] ?? '{}') as Readonly<Record<string, string>>;
const answerMsMax = 10_000;
const stopped = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EAI_AGAIN'];
const hungUp = ['ECONNRESET', 'UND_ERR_SOCKET', 'HPE_INVALID_CONSTANT'];

// A program that only looks around does not verify certificates.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
const outcomes: Record<string, string> = {};
for (const [name, what] of Object.entries(tries)) outcomes[name] = await outcomeOf(what);
process.stdout.write(JSON.stringify(outcomes));

async function outcomeOf(what: string): Promise<string> {
  try {
    return await attempt(what);
  } catch (error) {
    const { name, code, cause } = error as NodeJS.ErrnoException & { cause?: { code?: string } };
    const why = cause?.code ?? code ?? name;
    if (why === 'ENOENT') return 'there is none';
    if (why === 'TimeoutError' || stopped.includes(why)) return 'stopped';
    // Where something listens that is no web server.
    if (hungUp.includes(why)) return 'connected, hung up on';
    return `?: ${why}`;
  }
}

async function attempt(what: string): Promise<string> {
  const [, scheme, rest = ''] = /^(dns|file):(.*)$/.exec(what) ?? [];
  if (scheme === 'dns') await lookup(rest);
  else if (scheme === 'file') await access(rest);
  else {
    const { ok, status } = await fetch(what, { signal: AbortSignal.timeout(answerMsMax) });
    if (!ok) return `refused: ${status}`;
  }
  return 'reached';
}
