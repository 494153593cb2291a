// How `stillpoint serve` and `stillpoint agent` are configured: one file for both, in YAML or JSON, which flags of the
// command line go before. What is not understood is refused.
import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { ConfigInvalid, ConfigUnreadable } from './service-errors.ts';

const file = z.string().startsWith('/', 'a path that begins with /');
const url = (...schemes: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol), {
    error: `a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
  });

const tlsSchema = z
  .strictObject({
    authority: file.describe('certificate of the authority that the servers are checked with, PEM'),
    certificate: file.describe('what this service shows of itself, PEM'),
    key: file.describe('the private key of the certificate, PEM'),
  })
  .describe('files of TLS; without it nothing is encrypted and nobody is known');

/** `HOST:PORT`; port 0 takes a free one. */
const listenSchema = z.string().regex(/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i, 'HOST:PORT, as 127.0.0.1:9460');

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/, 'up to 24 of a-z, 0-9 and -, as in a host name');

export const serviceConfigSchema = z.strictObject({
  home: file.default('/var/lib/stillpoint').describe('state folder of this machine'),
  shared: file
    .optional()
    .describe('folder that every machine mounts at the same path: the vault and the logs; home unless given'),
  nats: z.strictObject({
    servers: z.array(url('nats:', 'tls:')).min(1).describe('one or more of one NATS cluster'),
    tls: tlsSchema.optional(),
  }),
  etcd: z.strictObject({
    endpoints: z.array(url('http:', 'https:')).min(1).describe('client URLs of the members of one etcd'),
    keyPrefix: z
      .string()
      .endsWith('/')
      .optional()
      .describe('what all keys begin with; stillpoint/ unless given'),
    quotaBytes: z.int().positive().optional().describe("etcd's --quota-backend-bytes, where it is set there"),
    tls: tlsSchema.optional(),
  }),
  coordinator: z
    .strictObject({
      name: z.string().min(1).max(63).optional().describe('what others call it; the host name unless given'),
      listen: listenSchema.default('127.0.0.1:9460').describe('where health and metrics are served'),
    })
    .prefault({}),
  agent: z
    .strictObject({
      node: name.optional().describe('name of this node; the first label of the host name unless given'),
      index: z
        .int()
        .min(1)
        .max(250)
        .optional()
        .describe('number of this node, which no other has: its members get 10.233.INDEX.x'),
      uplink: z
        .string()
        .regex(/^[^\s/]{1,15}$/, 'the name of a network interface')
        .optional()
        .describe(
          'interface that joins the members of this machine with those of others; it is given to Stillpoint',
        ),
      listen: listenSchema.default('127.0.0.1:9461').describe('where health and metrics are served'),
    })
    .prefault({}),
});

export type ServiceConfig = z.infer<typeof serviceConfigSchema>;
export type ServiceTls = z.infer<typeof tlsSchema>;

/** What flags can say: it goes before the file. */
export interface ServiceOverrides {
  readonly home?: string;
  readonly shared?: string;
  readonly nats?: readonly string[];
  readonly etcd?: readonly string[];
  /** Of the service that is started. */
  readonly listen?: string;
  readonly name?: string;
  readonly node?: string;
  readonly index?: number;
  readonly uplink?: string;
}

/**
 * @param path of the file; without one the overrides have to say all that is needed
 * @throws `SP_CONFIG_UNREADABLE`, `SP_CONFIG_INVALID` naming every field that is wrong
 */
export async function readServiceConfig(
  path: string | undefined,
  overrides: ServiceOverrides,
): Promise<ServiceConfig> {
  const origin = path ?? 'the command line';
  const written = path === undefined ? {} : await readDocument(path);
  const merged = withOverrides(written, overrides);
  const parsed = serviceConfigSchema.safeParse(merged);
  if (!parsed.success)
    throw new ConfigInvalid(
      origin,
      parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`),
    );
  requireTlsWhereItIsSaid(origin, parsed.data);
  return parsed.data;
}

type Fields = Readonly<Record<string, unknown>>;

async function readDocument(path: string): Promise<Fields> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigUnreadable(path, error as Error);
  }
  let document: unknown;
  try {
    document = parseYaml(text) ?? {};
  } catch (error) {
    throw new ConfigInvalid(path, [(error as Error).message]);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new ConfigInvalid(path, ['the whole: a mapping of fields is expected']);
  return document as Fields;
}

function withOverrides(written: Fields, overrides: ServiceOverrides): Fields {
  const { home, shared, nats, etcd, listen, name: coordinator, node, index, uplink } = overrides;
  return {
    ...written,
    ...defined({ home, shared }),
    ...section(written, 'nats', { servers: nats }),
    ...section(written, 'etcd', { endpoints: etcd }),
    ...section(written, 'coordinator', { name: coordinator, listen }),
    ...section(written, 'agent', { node, index, uplink, listen }),
  };
}

/** A section with the fields that are given; what is no mapping is left for the schema to refuse. */
function section(written: Fields, key: string, fields: Fields): Fields {
  const given = defined(fields);
  const before = written[key];
  const isMapping = before === undefined || (typeof before === 'object' && before !== null);
  if (Object.keys(given).length === 0 || !isMapping) return {};
  return { [key]: { ...before, ...given } };
}

const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** An encrypted address without an authority can't be checked; a plain one with certificates would not use them. */
function requireTlsWhereItIsSaid(origin: string, { nats, etcd }: ServiceConfig): void {
  const problems = [
    ...mismatches('nats.servers', nats.servers, 'tls:', nats.tls),
    ...mismatches('etcd.endpoints', etcd.endpoints, 'https:', etcd.tls),
  ];
  if (problems.length > 0) throw new ConfigInvalid(origin, problems);
}

function mismatches(
  field: string,
  addresses: readonly string[],
  secure: string,
  tls: ServiceTls | undefined,
): string[] {
  return addresses
    .filter((address) => (new URL(address).protocol === secure) !== (tls !== undefined))
    .map((address) =>
      tls === undefined
        ? `${field}: ${address} needs the section tls beside it`
        : `${field}: ${address} is not encrypted, and the section tls says that it is to be: write ${secure}//`,
    );
}
