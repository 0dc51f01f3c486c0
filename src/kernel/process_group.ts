/** Signals to processes that may be gone by now. */

/** Kills every process of the group; a group that is gone already is no error. */
export function killGroup(leaderPid: number): void {
  signalProcess(-leaderPid, 'SIGKILL');
}

/** Signals one process, or with a negative number a group; one that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // One that may not be signalled (it changed its user) is beyond our reach as well.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
