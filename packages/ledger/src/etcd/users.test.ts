// etcd with TLS, certificates and access control as set-up leaves it: what the coordinator and an agent may do, and that an
// agent's credentials can abort and never commit.
import {
  askDecision,
  askOutcome,
  epochNumber,
  fenceNumber,
  gangId,
  incarnationNumber,
  ledgerKeys,
  type LedgerQuestion,
  ledgerRights,
  openEpoch,
  openIncarnation,
  takeFence,
  writeDecision,
  writeOutcome,
} from '@stillpoint/protocol';
import {
  type Authority,
  type EtcdServer,
  type Identity,
  makeAuthority,
  startEtcd,
} from '@stillpoint/servers';
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Ledger, LedgerEvent } from '../ledger.ts';
import { openEtcdElection } from './etcd-election.ts';
import { openEtcdLedger } from './etcd-ledger.ts';
import type { EtcdOptions } from './options.ts';
import { type EtcdUser, setUpEtcdUsers } from './users.ts';

const users: readonly EtcdUser[] = [
  { name: 'stillpoint-coordinator', ...ledgerRights.coordinator },
  { name: 'stillpoint-agent', ...ledgerRights.agent },
];
const gang = gangId('mnist');
const fence = fenceNumber(1);
const incarnation = incarnationNumber(1);

let authority: Authority;
let server: EtcdServer;
let coordinator: Ledger;
let agent: Ledger;

const optionsOf = (client: Identity, trusted = authority): EtcdOptions => ({
  endpoints: [server.url],
  tls: { authority: trusted.certificate, certificate: client.certificate, key: client.key },
});
const as = async (name: string): Promise<EtcdOptions> => optionsOf(await authority.client(name));
const forbidden = { code: 'SP_LEDGER_FORBIDDEN', retryable: false };
async function standing<Word>(ledger: Ledger, question: LedgerQuestion<Word>): Promise<Word | undefined> {
  const result = await ledger.transact(question.transaction);
  return question.answer(result.ok ? undefined : result.found);
}
/** Opens the gang's next epoch as its leader. */
async function open(number: number): Promise<ReturnType<typeof epochNumber>> {
  const epoch = epochNumber(number);
  await coordinator.transact({ compare: [], put: [], remove: [ledgerKeys.openEpoch(gang)] });
  const mark = number === 1 ? null : epochNumber(number - 1);
  const opening = openEpoch({ gang, fence, incarnation, epoch, mark, record: {} });
  expect(await coordinator.transact(opening)).toMatchObject({ ok: true });
  return epoch;
}
const decide = (by: Ledger, epoch: ReturnType<typeof epochNumber>, decision: 'commit' | 'abort') =>
  by.transact(
    writeDecision({ gang, epoch, decision, reason: 'test', fence: decision === 'commit' ? fence : null }),
  );

beforeAll(async () => {
  authority = await makeAuthority();
  server = await startEtcd({
    tls: { authority, server: await authority.server('etcd'), clientsShowCertificate: true },
  });
  await setUpEtcdUsers(await as('root'), users);
  coordinator = await openEtcdLedger(await as('stillpoint-coordinator'));
  agent = await openEtcdLedger(await as('stillpoint-agent'));
  await coordinator.transact(takeFence(null));
  const opening = openIncarnation({
    gang,
    fence,
    incarnation,
    predecessor: { kind: 'None' },
    openEpoch: null,
    record: {},
  });
  await coordinator.transact(opening);
});
afterAll(async () => {
  await coordinator.close();
  await agent.close();
  await server.dispose();
  await authority.dispose();
});

test('the leader commits, and all read it', async () => {
  const epoch = await open(1);
  expect(await standing(agent, askDecision(gang, epoch))).toBeUndefined();
  expect((await decide(coordinator, epoch, 'commit')).ok).toBe(true);
  expect(await standing(agent, askDecision(gang, epoch))).toBe('commit');
  expect((await decide(agent, epoch, 'abort')).ok).toBe(false);
});

test('an agent aborts, and the leader can not commit any more', async () => {
  const epoch = await open(2);
  expect((await decide(agent, epoch, 'abort')).ok).toBe(true);
  expect((await decide(coordinator, epoch, 'commit')).ok).toBe(false);
  expect(await standing(coordinator, askDecision(gang, epoch))).toBe('abort');
});

test('an agent abandons an attempt, and it is never let go', async () => {
  const write = (by: Ledger, outcome: 'go' | 'abandon') =>
    by.transact(
      writeOutcome({ gang, incarnation, outcome, reason: '', fence: outcome === 'go' ? fence : null }),
    );
  await expect(write(agent, 'go')).rejects.toMatchObject(forbidden);
  expect((await write(agent, 'abandon')).ok).toBe(true);
  expect((await write(coordinator, 'go')).ok).toBe(false);
  expect(await standing(agent, askOutcome(gang, incarnation))).toBe('abandon');
});

test('an agent that writes its abort without asking changes no decision', async () => {
  const epoch = await open(3);
  expect((await decide(coordinator, epoch, 'commit')).ok).toBe(true);
  const key = ledgerKeys.abort(gang, epoch);
  expect((await agent.transact({ compare: [], put: [{ key, value: '' }] })).ok).toBe(true);
  for (const ledger of [coordinator, agent]) {
    expect(await standing(ledger, askDecision(gang, epoch))).toBe('commit');
  }
});

describe("an agent's credentials", () => {
  const epoch = epochNumber(9);
  const put = (key: string) => ({ compare: [], put: [{ key, value: 1 }] });
  const cases = [
    ['commit as the protocol does', writeDecision({ gang, epoch, decision: 'commit', reason: '', fence })],
    ['write a commit', put(ledgerKeys.commit(gang, epoch))],
    [
      'write a commit beside an abort',
      {
        compare: [],
        put: [ledgerKeys.abort(gang, epoch), ledgerKeys.commit(gang, epoch)].map((key) => ({
          key,
          value: 1,
        })),
      },
    ],
    ['let an incarnation go', put(ledgerKeys.go(gang, incarnation))],
    ['take the fence', takeFence(fence)],
    ['write the fence', put(ledgerKeys.fence)],
    ['open an epoch', put(ledgerKeys.openEpoch(gang))],
    ['number an incarnation', put(ledgerKeys.incarnation(gang))],
    ['prove an incarnation dead', put(ledgerKeys.ended(gang, incarnation))],
    ['describe a gang', put('gangs/mnist/spec')],
    ['describe a node', put('nodes/n1')],
    ['write what is nobody’s', put('given-up')],
    ['remove a commit', { compare: [], put: [], remove: [ledgerKeys.commit(gang, epochNumber(1))] }],
    ['remove the fence', { compare: [], put: [], remove: [ledgerKeys.fence] }],
    ['learn of the fence by a compare', { compare: [{ key: ledgerKeys.fence, is: 'present' }], put: [] }],
  ] as const;

  test.for(cases)('do not %s', async ([, transaction]) => {
    const before = await coordinator.list('');
    await expect(agent.transact(transaction)).rejects.toMatchObject(forbidden);
    expect(await coordinator.list('')).toEqual(before);
  });

  test('read gangs and what was given up, and nothing else', async () => {
    await agent.list('gangs/');
    await agent.list('given-up/');
    for (const prefix of ['', 'leader/', 'nodes/']) {
      await expect(agent.list(prefix)).rejects.toMatchObject(forbidden);
    }
    await expect(agent.get(ledgerKeys.fence)).rejects.toMatchObject(forbidden);
  });

  test('watch gangs, and nothing else', async () => {
    const events: LedgerEvent[] = [];
    await agent.watch('gangs/other/', (event) => events.push(event));
    await coordinator.transact(put('gangs/other/k'));
    await vi.waitFor(() => expect(events).toMatchObject([{ kind: 'put' }]), { timeout: 10_000 });
    await expect(agent.watch('nodes/', () => {})).rejects.toMatchObject(forbidden);
  });

  test('neither lead nor depose a leader', async () => {
    const election = openEtcdElection(await as('stillpoint-coordinator'));
    const agents = openEtcdElection(await as('stillpoint-agent'));
    onTestFinished(async () => {
      await election.close();
      await agents.close();
    });
    const leadership = await election.campaign(new AbortController().signal);
    await expect(agents.campaign(new AbortController().signal)).rejects.toMatchObject(forbidden);

    const { tls, endpoints } = await as('stillpoint-agent');
    const etcd = new Etcd3({
      hosts: [...endpoints],
      credentials: {
        rootCertificate: Buffer.from(tls!.authority),
        privateKey: Buffer.from(tls!.key),
        certChain: Buffer.from(tls!.certificate),
      },
    });
    onTestFinished(() => etcd.close());
    const candidates = (await coordinator.list('leader/candidates/')).entries;
    const lease = candidates[0]!.key.split('/').at(-1)!;
    await expect(etcd.leaseClient.leaseRevoke({ ID: lease })).rejects.toThrow('permission denied');
    await expect(etcd.user('root').addRole('stillpoint-agent')).rejects.toThrow('permission denied');
    expect(leadership.isHeld()).toBe(true);
    await leadership.resign();
  });

  test('do not change what users may do', async () => {
    const grown = users.map((user) => ({ ...user, writes: [''] }));
    await expect(setUpEtcdUsers(await as('stillpoint-agent'), grown)).rejects.toMatchObject(forbidden);
    await expect(agent.transact(put('nodes/n1'))).rejects.toMatchObject(forbidden);
  });
});

test('the coordinator can do all that it has to, and knows what room there is', async () => {
  await coordinator.transact({ compare: [], put: [{ key: 'nodes/n1', value: {} }] }, { spareBytes: 1024 });
  expect((await coordinator.get('nodes/n1'))?.value).toEqual({});
});

test('set-up can be repeated, and takes back what it granted before', async () => {
  const write = () => agent.transact({ compare: [], put: [{ key: 'extra/k', value: 1 }] });
  const more = users.map((user) => ({ ...user, writes: [...user.writes, 'extra/'] }));
  await setUpEtcdUsers(await as('root'), more);
  expect((await write()).ok).toBe(true);
  await setUpEtcdUsers(await as('root'), users);
  await expect(write()).rejects.toMatchObject(forbidden);
  expect((await agent.list('gangs/')).entries).not.toHaveLength(0);
});

describe('who is not known', () => {
  const soon = { deadlineMs: 2000 };

  test('as a user of etcd may nothing', async () => {
    const ledger = await openEtcdLedger(await as('stranger'));
    onTestFinished(() => ledger.close());
    await expect(ledger.get('gangs/mnist/spec')).rejects.toMatchObject(forbidden);
    await expect(ledger.transact(takeFence(fence))).rejects.toMatchObject(forbidden);
  });

  test("by a certificate of another authority's is not let in", async () => {
    const other = await makeAuthority();
    onTestFinished(() => other.dispose());
    const opening = openEtcdLedger(optionsOf(await other.client('stillpoint-coordinator')), soon);
    await expect(opening).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
  });

  test('to the client: a server of another authority is not talked to', async () => {
    const other = await makeAuthority();
    onTestFinished(() => other.dispose());
    const client = await authority.client('stillpoint-coordinator');
    const opening = openEtcdLedger(optionsOf(client, other), soon);
    await expect(opening).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
    await expect(opening).rejects.toThrow(/certificate/);
  });
});
