// Certificates for tests: an authority of their own, and who it vouches for. Made with the openssl program, which every
// Debian has with its CA certificates: Node can't make certificates, and the libraries that can weigh more than this.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { serverLimits } from './limits.ts';

const run = promisify(execFile);

/** A certificate and its key, as files and as PEM. */
export interface Identity {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Identity {
  /** A server on loopback: valid for `127.0.0.1`, `::1` and `localhost`, and as a client too (etcd's peers are both). */
  server(name: string): Promise<Identity>;
  /** A client; its common name is who it is to etcd and NATS. */
  client(commonName: string): Promise<Identity>;
  /** Removes all files. */
  dispose(): Promise<void>;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** Makes an authority in a temporary folder. Good for two days. */
export async function makeAuthority(): Promise<Authority> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stillpoint-ca-'));
  // the system's configuration adds extensions of its own
  const configFile = path.join(folder, 'openssl.cnf');
  await writeFile(configFile, '[req]\ndistinguished_name = none\n[none]\n');
  const make = async (file: string, commonName: string, args: readonly string[]): Promise<Identity> => {
    const certificateFile = path.join(folder, `${file}.pem`);
    const keyFile = path.join(folder, `${file}.key`);
    const subject = ['-subj', `/CN=${commonName}`, '-out', certificateFile, '-keyout', keyFile];
    await run('openssl', ['req', '-x509', '-config', configFile, ...newKey, ...subject, ...args], {
      timeout: serverLimits.opensslDeadlineMs,
    });
    const [certificate, key] = await Promise.all(
      [certificateFile, keyFile].map((each) => readFile(each, 'utf8')),
    );
    return { certificateFile, keyFile, certificate: certificate ?? '', key: key ?? '' };
  };
  const authority = await make('ca', 'Stillpoint test authority', [
    ...['-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  const signed = (file: string, name: string, extensions: readonly string[]): Promise<Identity> =>
    make(file, name, [
      ...['-CA', authority.certificateFile, '-CAkey', authority.keyFile],
      ...['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((each) => ['-addext', each]),
    ]);
  return {
    ...authority,
    server: (name) =>
      signed(`server-${name}`, name, [
        'extendedKeyUsage=serverAuth,clientAuth',
        'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost',
      ]),
    client: (commonName) => signed(`client-${commonName}`, commonName, ['extendedKeyUsage=clientAuth']),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
