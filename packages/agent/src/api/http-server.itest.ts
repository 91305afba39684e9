import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpServer, isLoopback, startHttpServer } from './http-server.ts';
import { createMetrics } from '../reporting/metrics.ts';

/** Of this machine: who comes by it is no process of its own, as far as a server can tell. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

let server: HttpServer;
let missing: string | undefined;

beforeAll(async () => {
  server = await startHttpServer(
    { host: '', port: 0 },
    {
      healthy: () => true,
      notReady: () => missing,
      respond: async ({ method, path, body }) => ({ status: 200, body: { method, path, body } }),
      metrics: createMetrics(),
    },
  );
});

afterAll(async () => await server.stop());

async function ask(host: string, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://${host}:${server.port}${path}`);
  return { status: response.status, text: await response.text() };
}

describe('the agent’s HTTP', () => {
  test.skipIf(outside === undefined).each(['/healthz', '/readyz', '/metrics'])(
    'tells %s to anyone',
    async (path) => {
      expect((await ask(outside!, path)).status).toBe(200);
      expect((await ask('127.0.0.1', path)).status).toBe(200);
    },
  );

  test.skipIf(outside === undefined).each(['/v1/status', '/v1/neighbours', '/v1/nothing'])(
    'answers %s to loopback only, and tells others the way',
    async (path) => {
      const refused = await ask(outside!, path);
      expect(refused.status).toBe(403);
      expect(refused.text).toContain('kubectl port-forward');
      expect((await ask('127.0.0.1', path)).status).not.toBe(403);
    },
  );

  test('says what is missing while it is not ready', async () => {
    missing = 'the caches are not synced yet';
    expect(await ask('127.0.0.1', '/readyz')).toEqual({ status: 503, text: `${missing}\n` });
    missing = undefined;
  });
});

describe('a question', () => {
  const post = async (body: string) =>
    await fetch(`http://127.0.0.1:${server.port}/v1/dry-run?x=y`, { method: 'POST', body });

  test('comes with its body', async () => {
    const response = await post('{"batches":[]}');
    expect(await response.json()).toEqual({
      method: 'POST',
      path: '/v1/dry-run',
      body: { batches: [] },
    });
  });

  test('is refused when it is no JSON, and when it is too long', async () => {
    const rubbish = await post('batches');
    expect([rubbish.status, await rubbish.text()]).toEqual([400, expect.stringContaining('JSON')]);
    const long = await post(`"${'x'.repeat(9 * 1024 * 1024)}"`);
    expect([long.status, await long.text()]).toEqual([400, expect.stringContaining('longer')]);
  });
});

describe('loopback', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s is', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  test.each(['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '128.0.0.1', '1127.0.0.1', '', undefined])(
    '%s is not',
    (address) => {
      expect(isLoopback(address)).toBe(false);
    },
  );
});
