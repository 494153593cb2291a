// A name that one process of a machine (of one network namespace) holds at a time. The kernel gives it back when
// the process ends, however it ends.
import { createServer } from 'node:net';

/** Lets go of the name. */
export type Release = () => Promise<void>;

/**
 * Takes a name, by binding an abstract unix socket: there is no file that could be left behind.
 *
 * @param name at most 100 characters
 * @returns undefined when another process holds it
 */
export function holdExclusively(name: string): Promise<Release | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      server.unref();
      resolve(() => new Promise((closed) => server.close(() => closed())));
    });
  });
}
