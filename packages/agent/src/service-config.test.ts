// What a configuration of the services may say, and that every mistake is named.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readServiceConfig, serviceConfigSchema } from './service-config.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
  path = join(folder, 'config.yaml');
});

afterEach(() => rm(folder, { recursive: true }));

const least = { nats: ['nats://a:4222'], etcd: ['http://a:2379'] };

async function problemsOf(text: string, overrides = {}): Promise<string> {
  await writeFile(path, text);
  const error: unknown = await readServiceConfig(path, overrides).catch((problem: unknown) => problem);
  expect(error).toMatchObject({ code: 'SP_CONFIG_INVALID' });
  return (error as Error).message;
}

describe('a configuration', () => {
  it('needs no file, only where NATS and etcd are', async () => {
    expect(await readServiceConfig(undefined, least)).toEqual({
      home: '/var/lib/stillpoint',
      nats: { servers: ['nats://a:4222'] },
      etcd: { endpoints: ['http://a:2379'] },
      coordinator: { listen: '127.0.0.1:9460' },
      agent: { listen: '127.0.0.1:9461' },
    });
  });

  it('is a file in YAML, and flags go before it', async () => {
    await writeFile(
      path,
      `
shared: /mnt/stillpoint
nats:
  servers: [tls://a:4222, tls://b:4222]
  tls: { authority: /ca.pem, certificate: /own.pem, key: /own.key }
etcd:
  endpoints: [http://a:2379]
  keyPrefix: lab/
agent: { index: 3 }
`,
    );
    const config = await readServiceConfig(path, { node: 'n9', index: 9, etcd: ['http://c:2379'] });
    expect(config).toMatchObject({
      shared: '/mnt/stillpoint',
      nats: { servers: ['tls://a:4222', 'tls://b:4222'], tls: { key: '/own.key' } },
      etcd: { endpoints: ['http://c:2379'], keyPrefix: 'lab/' },
      agent: { node: 'n9', index: 9, listen: '127.0.0.1:9461' },
    });
  });

  it('that is not there, or no YAML, is refused', async () => {
    await expect(readServiceConfig(path, least)).rejects.toMatchObject({ code: 'SP_CONFIG_UNREADABLE' });
    expect(await problemsOf('nats: [', least)).toContain(path);
    expect(await problemsOf('- a list', least)).toContain('a mapping of fields');
  });

  it('names every field that is missing, unknown or wrong', async () => {
    expect(await problemsOf('')).toMatch(/nats: .*etcd: /s);
    expect(await problemsOf('agnet: { index: 3 }', least)).toContain('agnet');
    expect(await problemsOf('agent: { index: 251, node: N_1 }', least)).toMatch(
      /agent\.node: .*agent\.index: /s,
    );
    expect(await problemsOf('agent: 7', { ...least, index: 3 })).toContain('agent: ');
    expect(await problemsOf('home: here', least)).toContain('home: a path that begins with /');
    expect(await problemsOf('coordinator: { listen: "9460" }', least)).toContain('HOST:PORT');
    expect(await problemsOf('', { ...least, nats: ['http://a:4222'] })).toContain('nats:// or tls://');
  });

  it('has TLS where it says so, and only there', async () => {
    expect(await problemsOf('', { ...least, nats: ['tls://a:4222'] })).toContain('needs the section tls');
    const tls = 'tls: { authority: /ca.pem, certificate: /own.pem, key: /own.key }';
    expect(
      await problemsOf(`etcd: { endpoints: ['http://a:2379'], ${tls} }`, { nats: least.nats }),
    ).toContain('is not encrypted');
  });
});

it('has every field of its schema in the documents, and its example is right', async () => {
  const document = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const fields = fieldsOf(z.toJSONSchema(serviceConfigSchema, { io: 'input' }) as Schema);
  expect(fields).toContain('agent.uplink');
  expect(fields.filter((field) => !document.includes(`\`${field}\``))).toEqual([]);
  await writeFile(path, /```yaml\n([\s\S]*?)```/.exec(document)?.[1] ?? '');
  expect(await readServiceConfig(path, {})).toMatchObject({ agent: { index: 3, uplink: 'spx0' } });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

const fieldsOf = ({ properties = {} }: Schema): string[] =>
  Object.entries(properties).flatMap(([name, schema]) =>
    schema.properties === undefined ? [name] : fieldsOf(schema).map((field) => `${name}.${field}`),
  );
