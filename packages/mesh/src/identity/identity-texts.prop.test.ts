/** What people and disks hand us as keys, certificates and peer ids: read as meant, or refused. */
import { clusterName, isFault } from '@spillway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromArmour, toArmour } from './armour.ts';
import {
  certificateText,
  inspectCertificate,
  issueCertificate,
  readCertificate,
} from './certificate.ts';
import { newKey, peerIdOf, privateKeyText, readPrivateKey } from './keys.ts';
import { ed25519PeerId } from './peer-ids.ts';

const label = 'SPILLWAY TEST';

function faultless<T>(read: () => T): T | 'refused' {
  try {
    return read();
  } catch (error) {
    if (isFault(error)) return 'refused';
    throw error;
  }
}

describe('armoured text', () => {
  test('gives the bytes back, whatever stands around it and however its lines end', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.constantFrom('\n', '\r\n'), (of, end) => {
        const text = `notes\n${toArmour(label, of)}more`.replaceAll('\n', end);
        expect(Buffer.from(fromArmour(label, text))).toEqual(Buffer.from(of));
      }),
    );
  });

  test('any text is read or refused', () => {
    const near = fc
      .tuple(fc.string(), fc.string())
      .map(([a, b]) => `${a}${toArmour(label, Buffer.from(b))}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        faultless(() => fromArmour(label, text));
      }),
    );
  });

  test.each([
    ['damaged', toArmour(label, Buffer.from('abcdef')).replace('YWJj', 'YW!j'), 'damaged'],
    ['two', toArmour(label, Buffer.from('a')).repeat(2), 'more than one'],
    ['cut', toArmour(label, Buffer.from('a')).slice(0, 40), 'without its end'],
    ['empty', toArmour(label, new Uint8Array()), 'damaged'],
  ])('that is %s is refused', (_, text, problem) => {
    expect(() => fromArmour(label, text)).toThrow(problem);
  });
});

describe('a private key', () => {
  test('with any byte changed is refused, or is the same key still', async () => {
    const key = await newKey();
    const peer = peerIdOf(key.publicKey);
    const text = privateKeyText(key);
    const bytes = fromArmour('SPILLWAY PRIVATE KEY', text);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ change : byte));
        const read = faultless(() => readPrivateKey(toArmour('SPILLWAY PRIVATE KEY', changed)));
        // What frames the key may be written in more than one way.
        expect(read === 'refused' || peerIdOf(read.publicKey) === peer).toBe(true);
      }),
    );
  });
});

describe('a peer id', () => {
  test('of a key of ours is read; any other text is refused', async () => {
    const peer = peerIdOf((await newKey()).publicKey);
    expect(ed25519PeerId(peer)).toBe(peer);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `12D3KooW${text}`),
        ),
        (text) => {
          expect(faultless(() => ed25519PeerId(text))).toBe('refused');
        },
      ),
    );
  });

  test.each([
    ['RSA', 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'],
    ['secp256k1', '16Uiu2HAm9MXvX5SP2NXQeXB8n6D6u8LWbmVYyJYgTdjPe5wvPBzY'],
    ['as a CID', 'bafzaajaiaejcb3hgr6me5fpsf6f4hmkna6ik2yxayuuuwdslseqjeuw7eeqmyssr'],
  ])('of a key %s is refused', (_, text) => {
    expect(() => ed25519PeerId(text)).toThrow('expected that of an Ed25519 key');
  });
});

describe('a certificate', () => {
  test('that is signed can be read, its dates included; any other is not signed', async () => {
    const root = await newKey();
    const peer = peerIdOf(root.publicKey);
    const dates = fc.oneof(
      fc.nat(),
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.double().map((ms) => ms + 0),
    );
    await fc.assert(
      fc.asyncProperty(dates, dates, async (notBeforeMs, expiresMs) => {
        const wanted = {
          cluster: clusterName('paris'),
          peer,
          attributes: {},
          notBeforeMs,
          expiresMs,
        };
        let certificate: Uint8Array;
        try {
          certificate = await issueCertificate(root, wanted);
        } catch (error) {
          expect(isFault(error), String(error)).toBe(true);
          return;
        }
        const read = inspectCertificate(readCertificate(certificateText(certificate)));
        expect(read).toMatchObject({ notBeforeMs, expiresMs });
        expect(new Date(read.expiresMs).toISOString()).toMatch(/Z$/);
      }),
    );
  });
});
