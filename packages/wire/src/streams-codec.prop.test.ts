import { isFault, podUid } from '@spillway/core';
import {
  type NamedValue,
  podStreamKinds,
  type PodStreamRequest,
  streamUpgrades,
  upgradeAnswerHeaders,
  upgradeRequestHeaders,
} from '@spillway/federation';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamRequest as RequestMessage } from './gen/spillway/v1/streams.ts';
import {
  decodeStreamHead,
  decodeStreamRequest,
  encodeStreamHead,
  encodeStreamRequest,
} from './streams-codec.ts';

const headersOf = (names: readonly string[]) =>
  fc.array(
    fc.tuple(
      fc.constantFrom(...names),
      fc.stringMatching(/^[ -~]{0,60}$/),
    ) as fc.Arbitrary<NamedValue>,
    { maxLength: 8 },
  );
const commands = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 6 });

const request: fc.Arbitrary<PodStreamRequest> = fc
  .record({
    uid: fc.uuid().map(podUid),
    kind: fc.constantFrom(...podStreamKinds),
    container: fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/),
    upgrade: fc.constantFrom(...streamUpgrades),
    headers: headersOf(upgradeRequestHeaders),
    words: commands,
    number: fc.nat(),
    port: fc.integer({ min: 1, max: 65_535 }),
  })
  .map(({ words, number, port, upgrade, ...rest }) => {
    const parametersOf: Readonly<Record<PodStreamRequest['kind'], readonly NamedValue[]>> = {
      log: [
        ['follow', 'true'],
        ['tailLines', `${number}`],
        ['sinceTime', '2026-12-01T03:49:35.123456789Z'],
      ],
      exec: [['tty', 'true'], ...words.map((word): NamedValue => ['command', word])],
      attach: [['stdin', 'true']],
      portforward: [['ports', `${port}`]],
    };
    const isLog = rest.kind === 'log';
    return { ...rest, upgrade: isLog ? undefined : upgrade, parameters: parametersOf[rest.kind] };
  });

describe('streams', () => {
  test('a request comes out as it went in', () => {
    fc.assert(
      fc.property(request, (each) => {
        expect(decodeStreamRequest(encodeStreamRequest(each))).toEqual(each);
      }),
    );
  });

  test('an answer comes out as it went in', () => {
    const head = fc.record({
      status: fc.constantFrom(101, 200, 400, 404, 429, 502),
      headers: headersOf(upgradeAnswerHeaders),
      message: fc.string({ unit: 'grapheme', maxLength: 200 }),
    });
    fc.assert(
      fc.property(head, (each) => {
        expect(decodeStreamHead(encodeStreamHead(each))).toEqual(each);
      }),
    );
  });

  test('random bytes are refused as a fault, or are a valid request', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeStreamRequest(bytes);
        } catch (error) {
          expect(isFault(error, 'InvalidInput')).toBe(true);
        }
      }),
    );
  });

  const whole = {
    podUid: 'u',
    kind: 'exec',
    container: 'main',
    parameters: [{ name: 'command', value: 'sh' }],
    upgrade: 'SPDY/3.1',
    headers: [],
  };
  const named = (name: string, value: string) => [{ name, value }];

  test.each([
    ['another subresource', { kind: 'proxy' }],
    ['a container that leads elsewhere', { container: '../x' }],
    ['a container with a query', { container: 'a?b' }],
    ['a parameter of another subresource', { parameters: named('ports', '80') }],
    ['a parameter that the API does not have', { parameters: named('dryRun', 'All') }],
    ['a flag with another value', { parameters: named('stdin', 'yes') }],
    ['an upgrade to something else', { upgrade: 'h2c' }],
    ['a command without an upgrade', { upgrade: '' }],
    ['a log with an upgrade', { kind: 'log', parameters: [] }],
    ['a credential', { headers: named('authorization', 'Bearer x') }],
    ['a header that ends early', { headers: named('sec-websocket-key', 'a\r\nhost: b') }],
  ])('%s is refused', (_, changed) => {
    const encoded = (message: object) => RequestMessage.encode({ ...whole, ...message }).finish();
    expect(() => decodeStreamRequest(encoded({}))).not.toThrow();
    expect(() => decodeStreamRequest(encoded(changed))).toThrow();
  });
});
