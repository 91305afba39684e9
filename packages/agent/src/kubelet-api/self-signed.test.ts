import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { selfSignedCertificate } from './self-signed.ts';

test('a self-signed certificate is one: its name, its key, its own signature, now valid', () => {
  const nowMs = Date.UTC(2026, 11, 1);
  const { cert, key } = selfSignedCertificate('spillway-agent', nowMs);
  const certificate = new X509Certificate(cert);
  expect(certificate.subject).toBe('CN=spillway-agent');
  expect(certificate.issuer).toBe('CN=spillway-agent');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(Date.parse(certificate.validFrom)).toBe(nowMs - 86_400_000);
  expect(certificate.validToDate.getUTCFullYear()).toBe(2036);
});

test('no two have a serial number in common', () => {
  const serialOf = () => new X509Certificate(selfSignedCertificate('a', 0).cert).serialNumber;
  expect(serialOf()).not.toBe(serialOf());
});

test('one that ends after 2049 says its year with four digits', () => {
  const { cert } = selfSignedCertificate('a', Date.UTC(2045, 0, 1));
  expect(new X509Certificate(cert).validToDate.getUTCFullYear()).toBe(2054);
});
