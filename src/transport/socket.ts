/** Sockets for rooms that may not open any themselves. */
import { Socket as NetSocket, type Socket } from 'node:net';

export type { Socket } from 'node:net';

/** The reading end of a FIFO as a stream. It owns the file descriptor from now on; destroying it closes it. */
export function openFifo(fd: number): Socket {
  const socket = new NetSocket({ fd, readable: true, writable: false });
  socket.on('error', ignoreError);
  return socket;
}

/** The listener that every socket has from birth: an error is followed by `close`, which is where it is dealt with. */
export function ignoreError(): void {}
