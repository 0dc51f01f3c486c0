/** Tokens, and how a server shows that it knows one without sending it. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A fresh token or nonce: 32 random bytes in hex. */
export function randomToken(): string {
  return randomBytes(32).toString('hex');
}

/** What answers a nonce: HMAC-SHA256 of it under the token, in hex. */
export function proveToken(token: string, nonce: string): string {
  return createHmac('sha256', token).update(nonce).digest('hex');
}

/** Whether `proof` answers `nonce`; takes the same time whatever it is. */
export function verifyProof(token: string, nonce: string, proof: unknown): boolean {
  return typeof proof === 'string' && sameSecret(proveToken(token, nonce), proof);
}

/** Whether a secret that was offered is the one expected; the time tells nothing of either. */
export function sameSecret(expected: string, offered: string): boolean {
  const key = randomBytes(32);
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(digest(expected), digest(offered));
}
