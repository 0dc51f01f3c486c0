/** What a session can be asked at any time, also while a snippet runs. `INTERRUPT` is not known to an original sock_python. */
export const Action = {
  STOP: 'stop',
  RESTART: 'restart',
  STATUS: 'status',
  INTERRUPT: 'interrupt',
} as const;

export type Action = (typeof Action)[keyof typeof Action];
