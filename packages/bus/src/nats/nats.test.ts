// The bus on a real nats-server keeps the contract, goes on after its server's faults, and holds against agents that try
// more than they may.
import { connect as connectNats } from '@nats-io/transport-node';
import { makeAuthority, type NatsServer, startNatsServer } from '@stillpoint/servers';
import { gangId, incarnationNumber, memberId, nodeName } from '@stillpoint/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AgentHandlers, NodeCommand, NodeEvent, NodeLink } from '../bus.ts';
import { busLimits } from '../limits.ts';
import { busContract } from '../testing.ts';
import { listenOnNats } from './agent.ts';
import { type NatsBus, openNatsBus } from './coordinator.ts';
import {
  agentRights,
  atPlace,
  coordinatorRights,
  fromNode,
  type NatsRights,
  toNode,
  toPlaces,
} from './subjects.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(async () => {
  await server.dispose();
});

let nodes = 0;
busContract('NATS', async () => {
  const servers = [server.url];
  const bus = await openNatsBus({ servers });
  // tests share a server, and no node
  nodes += 1;
  const node = `n1.${nodes}`;
  return {
    listen: (handlers) => listenOnNats(node, handlers, { servers }),
    connect: () => bus.connect(node),
    dispose: () => bus.close(),
  };
});

const command = (gang: string): NodeCommand =>
  ({ kind: 'Hold', gang, incarnation: 1, epoch: 1, fence: 1 }) as NodeCommand;
const exited = (node: string): NodeEvent => ({
  kind: 'MemberExited',
  node: nodeName(node),
  gang: gangId('train'),
  incarnation: incarnationNumber(1),
  member: memberId(0),
  exitCode: 7,
});
const until = async (look: () => void, timeoutMs = 10_000): Promise<void> => {
  await vi.waitFor(look, { timeout: timeoutMs, interval: 10 });
};
const up = async (link: NodeLink, timeoutMs?: number): Promise<void> => {
  await until(() => expect(link.state).toBe('up'), timeoutMs);
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ownServer = async (config = ''): Promise<NatsServer> => {
  const own = await startNatsServer({ config });
  cleanups.push(() => own.dispose());
  return own;
};
const openBus = async (url: string): Promise<NatsBus> => {
  const bus = await openNatsBus({ servers: [url] });
  cleanups.push(() => bus.close());
  return bus;
};
const listen = async (
  url: string,
  node: string,
  handlers: Partial<AgentHandlers> = {},
  onProblem: (error: Error) => void = () => undefined,
) => {
  const listener = await listenOnNats(
    node,
    {
      onRequest: () => Promise.resolve({ kind: 'Hello', node: nodeName(node), pid: 1, version: '0' }),
      onCommand: () => undefined,
      ...handlers,
    },
    { servers: [url], onProblem },
  );
  cleanups.push(() => listener.close());
  return listener;
};

describe('when the server fails', () => {
  it('killed and started again: both ends go on, and what was sent meanwhile was refused', async () => {
    const own = await ownServer();
    const commands = vi.fn<AgentHandlers['onCommand']>();
    await listen(own.url, 'a', { onCommand: commands });
    const link = (await openBus(own.url)).connect('a');
    const states: string[] = [];
    link.onState((state) => void states.push(state));
    await up(link);
    await own.kill();
    await until(() => expect(link.state).toBe('down'));
    expect(link.send(command('lost'))).toBe(false);
    await expect(link.request({ kind: 'Hello' })).rejects.toMatchObject({ code: 'SP_NODE_UNREACHABLE' });
    await own.restart();
    await up(link);
    expect(link.send(command('kept'))).toBe(true);
    await until(() => expect(commands).toHaveBeenCalledOnce());
    expect(commands.mock.calls[0]?.[0]).toMatchObject({ gang: 'kept' });
    await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ node: 'a' });
    expect(states).toEqual(['up', 'down', 'up']);
  });

  it('stopped: nodes are taken for lost within the bound, and are back when it goes on', async () => {
    const own = await ownServer();
    await listen(own.url, 'a');
    const link = (await openBus(own.url)).connect('a');
    await up(link);
    own.pause();
    const stoppedAtMs = performance.now();
    try {
      await until(() => expect(link.state).toBe('down'));
      expect(performance.now() - stoppedAtMs).toBeLessThan(busLimits.natsSilentMs + 1_000);
    } finally {
      own.resume();
    }
    await up(link, 15_000);
    await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ node: 'a' });
  });

  it('not there at the start: a clear error', async () => {
    const own = await ownServer();
    await own.kill();
    await expect(openNatsBus({ servers: [own.url] })).rejects.toMatchObject({ code: 'SP_BUS_UNAVAILABLE' });
  });
});

describe('what is too large', () => {
  it('reports go in parts, and add up; a single one that is too large fails its member', async () => {
    const own = await ownServer('max_payload: 16384');
    const listener = await listen(own.url, 'a');
    const link = (await openBus(own.url)).connect('a');
    const heard: NodeEvent[] = [];
    link.onMessage((event) => void heard.push(event));
    await up(link);
    const report = (member: number, bytes: number) =>
      ({
        kind: 'Failed',
        member: memberId(member),
        phase: 'dump',
        code: 'SP_X',
        message: 'x'.repeat(bytes),
        remedy: 'None.',
        retryable: false,
      }) as const;
    listener.broadcast({
      kind: 'Reports',
      gang: gangId('train'),
      incarnation: incarnationNumber(1),
      epoch: 1 as never,
      fence: 1 as never,
      node: nodeName('a'),
      reports: [0, 1, 2, 3, 4].map((member) => report(member, member === 3 ? 20_000 : 5_000)),
      spans: [],
    });
    await until(() => {
      const reports = heard.flatMap((event) => (event.kind === 'Reports' ? event.reports : []));
      expect(reports.map(({ member }) => member)).toEqual([0, 1, 2, 3, 4]);
      expect(reports[3]).toMatchObject({ code: 'SP_BUS_MESSAGE_TOO_LARGE' });
    });
    expect(heard.length).toBeGreaterThan(2);
  });

  it('a command is not sent, an answer is an error', async () => {
    const own = await ownServer('max_payload: 16384');
    const version = 'x'.repeat(20_000);
    await listen(own.url, 'a', {
      onRequest: () => Promise.resolve({ kind: 'Hello', node: nodeName('a'), pid: 1, version }),
    });
    const link = (await openBus(own.url)).connect('a');
    await up(link);
    expect(link.send({ ...command('train'), kind: 'Settle', halfDead: [], x: version } as never)).toBe(false);
    await expect(link.request({ kind: 'Hello' })).rejects.toMatchObject({
      code: 'SP_BUS_MESSAGE_TOO_LARGE',
    });
    expect(link.state).toBe('up');
  });
});

it('what is no message is reported, and nobody hears it', async () => {
  const problems: Error[] = [];
  const commands = vi.fn<AgentHandlers['onCommand']>();
  await listen(server.url, 'strange', { onCommand: commands }, (error) => problems.push(error));
  const stranger = await connectNats({ servers: [server.url] });
  cleanups.push(() => stranger.close());
  for (const text of ['', 'hello', '{}', '{"command":{"kind":"Hold"}}'])
    stranger.publish(toNode('strange').command, text);
  await until(() => expect(problems).toHaveLength(4));
  expect(commands).not.toHaveBeenCalled();
});

describe('a command to several nodes', () => {
  const places = [1, 64, 65, 200];
  /** An agent in each place, and in none. */
  async function start(servers: readonly string[]) {
    const heard = new Map<string, number>();
    const bus = await openNatsBus({ servers });
    cleanups.push(() => bus.close());
    for (const place of [...places, undefined]) {
      const node = `n${place ?? ''}`;
      const handlers: AgentHandlers = {
        onRequest: () => Promise.reject(new Error('no')),
        onCommand: () => heard.set(node, (heard.get(node) ?? 0) + 1),
      };
      const listener = await listenOnNats(node, handlers, {
        servers,
        ...(place === undefined ? {} : { place }),
      });
      cleanups.push(() => listener.close());
      const link = bus.connect(node);
      await up(link);
    }
    return { bus, heard };
  }

  it('is heard by each of them once, by no other, and is one message for each 64 places', async () => {
    const own = await ownServer();
    const { bus, heard } = await start([own.url]);
    const sent = async (): Promise<number> => {
      const varz = (await (await fetch(`${own.monitorUrl}/varz`)).json()) as { in_msgs: number };
      return varz.in_msgs;
    };
    bus.sendToAll(['n1', 'n64', 'n65', 'n', 'unknown'], command('train'));
    const all = { n1: 1, n64: 1, n65: 1, n: 1 };
    await until(() => expect(Object.fromEntries(heard)).toEqual(all));
    heard.clear();
    const before = await sent();
    for (let round = 0; round < 100; round += 1) bus.sendToAll(['n1', 'n64'], command('train'));
    await until(() => expect(Object.fromEntries(heard)).toEqual({ n1: 100, n64: 100 }));
    // beats are sent meanwhile
    expect((await sent()) - before).toBeLessThan(150);
  });

  it('reaches an agent that may not read where several are spoken to', async () => {
    const own = await ownServer(
      `no_auth_user: u
      authorization { users: [ { user: u, password: p, permissions: { publish: ">", subscribe: { deny: "stillpoint.fan.>" } } } ] }`,
    );
    const { bus, heard } = await start([own.url]);
    await until(() => {
      bus.sendToAll(['n1', 'n200'], command('train'));
      expect([...heard.keys()].toSorted()).toEqual(['n1', 'n200']);
    });
  });
});

describe('a question to a hook', () => {
  const rights = (name: string, { publish, subscribe }: NatsRights): string =>
    `{ user: ${name}, password: p, permissions: { publish: ${JSON.stringify(publish)}, subscribe: ${JSON.stringify(subscribe)} } }`;

  it('has its answer, within the rights of a coordinator and of nobody else', async () => {
    const responder = { publish: ['stillpoint.hook-answer.*'], subscribe: ['stillpoint.hook.writer'] };
    const own = await ownServer(`no_auth_user: coordinator
      authorization { users: [
        ${rights('coordinator', coordinatorRights)}
        ${rights('responder', responder)}
        ${rights('agent', agentRights('a', 1))}
      ] }`);
    const as = (user: string) => connectNats({ servers: own.url, user, pass: 'p' });
    const answering = await as('responder');
    cleanups.push(() => answering.close());
    answering.subscribe('stillpoint.hook.writer', {
      callback: (_error, message) => void message.respond(`heard ${message.string()}`),
    });
    await answering.flush();
    const bus = await openNatsBus({ servers: [own.url] });
    cleanups.push(() => bus.close());
    expect(await bus.ask('writer', 'flush', 5_000)).toBe('heard flush');
    await expect(bus.ask('nobody', 'flush', 5_000)).rejects.toThrow(/responders/i);

    const hostile = await as('agent');
    cleanups.push(() => hostile.close());
    const refused: string[] = [];
    void (async () => {
      for await (const status of hostile.status())
        if (status.type === 'error') refused.push(status.error.message);
    })();
    hostile.subscribe('stillpoint.hook.writer', { callback: () => undefined });
    hostile.publish('stillpoint.hook.writer', 'flush');
    hostile.publish('stillpoint.hook-answer.x', 'heard');
    await until(() => expect(refused).toHaveLength(3));
  });

  it('without an answer ends at its deadline', async () => {
    const own = await ownServer();
    const silent = await connectNats({ servers: own.url });
    cleanups.push(() => silent.close());
    silent.subscribe('stillpoint.hook.writer', { callback: () => undefined });
    await silent.flush();
    const bus = await openNatsBus({ servers: [own.url] });
    cleanups.push(() => bus.close());
    await expect(bus.ask('writer', 'flush', 100)).rejects.toThrow(/time/i);
  });
});

describe('with certificates and least rights', () => {
  it('an agent that tries more than is its own is refused each time', async () => {
    const authority = await makeAuthority();
    cleanups.push(() => authority.dispose());
    const own = await authority.server('nats');
    const a = await authority.client('agent-a');
    const b = await authority.client('agent-b');
    const leader = await authority.client('coordinator');
    const user = (name: string, { publish, subscribe }: NatsRights): string =>
      `{ user: "CN=${name}", permissions: { publish: ${JSON.stringify(publish)}, subscribe: ${JSON.stringify(subscribe)} } }`;
    const secured = await startNatsServer({
      tls: { authority, server: own, clients: 'verify_and_map' },
      config: `authorization { users: [
        ${user('agent-a', agentRights('a', 1))}
        ${user('agent-b', agentRights('b', 2))}
        ${user('coordinator', coordinatorRights)}
      ] }`,
    });
    cleanups.push(() => secured.dispose());
    const tlsOf = (each: typeof a) => ({
      caFile: authority.certificateFile,
      certFile: each.certificateFile,
      keyFile: each.keyFile,
    });
    const servers = [secured.url];

    // what is allowed works
    const bus = await openNatsBus({ servers, tls: tlsOf(leader) });
    cleanups.push(() => bus.close());
    const heard = vi.fn<(event: NodeEvent) => void>();
    const link = bus.connect('b');
    link.onMessage(heard);
    const commandsOfB = vi.fn<AgentHandlers['onCommand']>();
    const listener = await listenOnNats(
      'b',
      {
        onRequest: () => Promise.resolve({ kind: 'Hello', node: nodeName('b'), pid: 1, version: '0' }),
        onCommand: commandsOfB,
      },
      { servers, tls: tlsOf(b), place: 2 },
    );
    cleanups.push(() => listener.close());
    await up(link);
    listener.broadcast(exited('b'));
    await until(() => expect(heard).toHaveBeenCalledOnce());
    await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ node: 'b' });

    // what is not allowed is refused, and changes nothing
    const hostile = await connectNats({ servers, tls: tlsOf(a) });
    cleanups.push(() => hostile.close());
    const refused: string[] = [];
    void (async () => {
      for await (const status of hostile.status())
        if (status.type === 'error') refused.push(status.error.message);
    })();
    const overheard = vi.fn<() => void>();
    for (const subject of [
      toNode('b').command,
      toNode('b').all,
      'stillpoint.to.*.command',
      'stillpoint.fan.>',
      atPlace(2),
      fromNode('b').event,
      '>',
    ])
      hostile.subscribe(subject, { callback: (error) => (error === null ? overheard() : undefined) });
    const forged = JSON.stringify({ agent: 'x', event: exited('b') });
    const [toB] = toPlaces([2]);
    for (const subject of [
      fromNode('b').event,
      fromNode('b').beat,
      toNode('b').command,
      toNode('b').request,
      toB?.subject ?? '',
    ])
      hostile.publish(subject, forged);
    await until(() => expect(refused).toHaveLength(12));
    expect(refused.every((message) => /permissions violation/i.test(message))).toBe(true);
    link.send(command('train'));
    bus.sendToAll(['b'], command('train'));
    await until(() => expect(commandsOfB).toHaveBeenCalledTimes(2));
    expect(overheard).not.toHaveBeenCalled();
    expect(heard).toHaveBeenCalledOnce();

    // an agent that serves a node that is not its own is not heard
    const impostor = listenOnNats(
      'b',
      { onRequest: () => Promise.reject(new Error('no')), onCommand: () => undefined },
      { servers, tls: tlsOf(a) },
    );
    await impostor.then((each) => each.close());
    expect(link.state).toBe('up');

    // and nobody without a certificate of this authority gets in
    const other = await makeAuthority();
    cleanups.push(() => other.dispose());
    const strangers = await other.client('coordinator');
    const tls = { ...tlsOf(strangers), caFile: authority.certificateFile };
    await expect(openNatsBus({ servers, tls })).rejects.toMatchObject({ code: 'SP_BUS_UNAVAILABLE' });
    await expect(openNatsBus({ servers, tls: { caFile: authority.certificateFile } })).rejects.toMatchObject({
      code: 'SP_BUS_UNAVAILABLE',
    });
  });
});
