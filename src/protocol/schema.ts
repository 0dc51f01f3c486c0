/** Ties the tables of fields to the message types, so that one cannot change without the other. */
import type { Check } from './fields.js';

type RequiredKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K }[keyof T];

/** A check for each field of a message type but those of `Base`, and for nothing else. */
export interface FieldsOf<T, Base extends keyof T> {
  readonly required: { readonly [K in Exclude<RequiredKeys<T>, Base>]: Check };
  readonly optional: { readonly [K in Exclude<keyof T, RequiredKeys<T> | Base>]: Check };
}
