/** A real server with a real Python, for tests of clients. */
import { type RunningServer, type ServerOptions, startServer } from '../../src/index.js';
import { anyInterpreter } from './interpreters.js';
import type { Place } from './leftovers.js';

/** Starts one at `session.sock` in the test's own folder, unless told otherwise; whoever asks disposes of it. */
export function realServer(place: Place, options: ServerOptions = {}): Promise<RunningServer> {
  return startServer({
    address: place.path('session.sock'),
    runtimeDir: place.runtime,
    stateDir: place.state,
    cwd: place.work,
    python: anyInterpreter().path,
    ...options,
  });
}
