/** What messages are made of. */

/** A client's own number (0 … 2^32−1) or text (at most 64 bytes) for a request, unique among its open ones. */
export type RequestId = number | string;

/** What MessagePack carries and JSON carries in tagged form. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };
