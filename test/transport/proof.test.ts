import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { proveToken, randomToken, sameSecret, verifyProof } from '../../src/transport/proof.js';

test('a proof is the HMAC-SHA256 of the nonce under the token, in hex', () => {
  expect(proveToken('token', 'nonce')).toBe(createHmac('sha256', 'token').update('nonce').digest('hex'));
  // From another implementation: printf nonce | openssl dgst -sha256 -hmac token
  expect(proveToken('token', 'nonce')).toBe('7d42e0efff6175e87513ed657d653d6f7574437346e94ac9970393be1baf3e12');
});

test('only the right proof is taken', () => {
  const proof = proveToken('token', 'nonce');
  expect(verifyProof('token', 'nonce', proof)).toBe(true);
  for (const wrong of [proveToken('other', 'nonce'), proveToken('token', 'other'), '', proof.slice(1), null, 5, {}]) {
    expect(verifyProof('token', 'nonce', wrong)).toBe(false);
  }
});

test('secrets of any length are compared', () => {
  expect(sameSecret('abc', 'abc')).toBe(true);
  expect(sameSecret('abc', 'abd')).toBe(false);
  expect(sameSecret('abc', 'abcd')).toBe(false);
  expect(sameSecret('', '')).toBe(true);
});

test('tokens are long and never the same', () => {
  const tokens = new Set(Array.from({ length: 100 }, randomToken));
  expect(tokens.size).toBe(100);
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{64}$/);
});
