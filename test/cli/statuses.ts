/** Every way in which a run can end. */
import type { DoneStatus } from '../../src/protocol/messages.js';

const IS_STATUS: Readonly<Record<DoneStatus, true>> = {
  ok: true,
  error: true,
  exit: true,
  interrupted: true,
  timeout: true,
  cancelled: true,
  lost: true,
};

// The keys of a record that the compiler holds complete.
export const DONE_STATUSES = Object.keys(IS_STATUS) as readonly DoneStatus[];
