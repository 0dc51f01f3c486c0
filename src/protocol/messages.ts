/**
 * The native messages, as types. `validate.ts` holds what arrives against them; `docs/protocol.md` says what
 * each field means. Times are in milliseconds, sizes in bytes.
 */
export type * from './events.js';
export type * from './replies.js';
export type * from './requests.js';
export type * from './values.js';
