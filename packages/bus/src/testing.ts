// The contract that every bus keeps, to be run on each. Import it from a test file only.
import {
  fenceNumber,
  gangId,
  incarnationNumber,
  memberId,
  nodeName,
  StillpointError,
} from '@stillpoint/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AgentHandlers, AgentListener, NodeCommand, NodeEvent, NodeLink } from './bus.ts';

/** One address of a bus under test. */
export interface BusUnderTest {
  listen(handlers: AgentHandlers): Promise<AgentListener>;
  connect(): NodeLink;
  /** Frees what the address holds. */
  dispose(): Promise<void>;
}

const exited: NodeEvent = {
  kind: 'MemberExited',
  node: nodeName('n1'),
  gang: gangId('train'),
  incarnation: incarnationNumber(1),
  member: memberId(0),
  exitCode: 7,
};

const hold = (epoch: number): NodeCommand =>
  ({ kind: 'Hold', gang: 'train', incarnation: 1, epoch, fence: 1 }) as NodeCommand;

const quietHandlers: AgentHandlers = {
  onRequest: () => Promise.resolve({ kind: 'Hello', node: nodeName('n1'), pid: 1, version: '0' }),
  onCommand: () => undefined,
};

export function busContract(name: string, makeBus: () => Promise<BusUnderTest>): void {
  describe(`bus contract: ${name}`, () => {
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    async function start(handlers: Partial<AgentHandlers> = {}) {
      const bus = await makeBus();
      cleanups.push(() => bus.dispose());
      const listen = async (): Promise<AgentListener> => {
        const listener = await bus.listen({ ...quietHandlers, ...handlers });
        cleanups.push(() => listener.close());
        return listener;
      };
      const connect = (): NodeLink => {
        const link = bus.connect();
        cleanups.push(() => link.close());
        return link;
      };
      return { listen, connect };
    }

    it('answers requests, also many at once and out of order', async () => {
      const gates: (() => void)[] = [];
      const { listen, connect } = await start({
        onRequest: async (request) => {
          if (request.kind !== 'Remove') throw new Error('unexpected');
          await new Promise<void>((resolve) => gates.push(resolve));
          return { kind: 'Removed', members: [memberId(request.upTo)] };
        },
      });
      await listen();
      const link = connect();
      await up(link);
      const answers = [1, 2, 3].map((upTo) =>
        link.request({
          kind: 'Remove',
          gang: gangId('train'),
          upTo: incarnationNumber(upTo),
          fence: fenceNumber(1),
        }),
      );
      await vi.waitFor(() => expect(gates).toHaveLength(3));
      for (const open of gates.reverse()) open();
      const found = await Promise.all(answers);
      expect(found.map(({ members }) => members)).toEqual([[1], [2], [3]]);
    });

    it('keeps the order of commands and of events', async () => {
      const commands: number[] = [];
      const { listen, connect } = await start({
        onCommand: (command) => void commands.push(command.epoch),
      });
      const listener = await listen();
      const link = connect();
      await up(link);
      const events: number[] = [];
      link.onMessage((event) => void events.push((event as typeof exited & { exitCode: number }).exitCode));
      const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
      for (const number of numbers) {
        expect(link.send(hold(number))).toBe(true);
        listener.broadcast({ ...exited, exitCode: number } as NodeEvent);
      }
      await vi.waitFor(() => expect(commands).toEqual(numbers));
      await vi.waitFor(() => expect(events).toEqual(numbers));
    });

    it('tells every coordinator, until it no longer listens', async () => {
      const { listen, connect } = await start();
      const listener = await listen();
      const links = [connect(), connect()];
      const heard: [number, NodeEvent][] = [];
      const leave = links.map((link, index) => link.onMessage((event) => void heard.push([index, event])));
      await Promise.all(links.map(up));
      listener.broadcast(exited);
      await vi.waitFor(() => expect(heard).toHaveLength(2));
      expect(heard).toContainEqual([0, exited]);
      leave[0]!();
      listener.broadcast(exited);
      await vi.waitFor(() => expect(heard).toHaveLength(3));
      expect(heard[2]).toEqual([1, exited]);
    });

    it('passes the code, message and remedy of a coded error on', async () => {
      const { listen, connect } = await start({
        onRequest: () =>
          Promise.reject(new StillpointError('SP_X', 'no room on n1', { remedy: 'Make room.' })),
      });
      await listen();
      const link = connect();
      await up(link);
      await expect(link.request({ kind: 'Status' })).rejects.toMatchObject({
        code: 'SP_X',
        message: 'no room on n1',
        remedy: 'Make room.',
      });
    });

    it('answers SP_AGENT_BROKEN for any other error', async () => {
      const { listen, connect } = await start({ onRequest: () => Promise.reject(new Error('oops')) });
      await listen();
      const link = connect();
      await up(link);
      await expect(link.request({ kind: 'Status' })).rejects.toMatchObject({ code: 'SP_AGENT_BROKEN' });
    });

    it('gives a request up at its deadline and by its signal, and goes on', async () => {
      let isSilent = true;
      const { listen, connect } = await start({
        onRequest: (request) => (isSilent ? new Promise(() => undefined) : quietHandlers.onRequest(request)),
      });
      await listen();
      const link = connect();
      await up(link);
      await expect(link.request({ kind: 'Hello' }, { deadlineMs: 20 })).rejects.toMatchObject({
        code: 'SP_REQUEST_TIMEOUT',
      });
      const controller = new AbortController();
      const given = link.request({ kind: 'Hello' }, { signal: controller.signal });
      controller.abort(new Error('changed my mind'));
      await expect(given).rejects.toThrow('changed my mind');
      isSilent = false;
      await expect(link.request({ kind: 'Hello' })).resolves.toMatchObject({ kind: 'Hello' });
    });

    it('refuses at once what it can’t send while no agent listens', async () => {
      const { connect } = await start();
      const link = connect();
      expect(link.state).toBe('down');
      expect(link.send(hold(1))).toBe(false);
      await expect(link.request({ kind: 'Hello' })).rejects.toMatchObject({ code: 'SP_NODE_UNREACHABLE' });
    });

    it('comes up again with a new agent, and fails what the old one did not answer', async () => {
      const { listen, connect } = await start({ onRequest: () => new Promise(() => undefined) });
      const link = connect();
      const states: string[] = [];
      link.onState((state) => void states.push(state));
      const first = await listen();
      await up(link);
      const unanswered = link.request({ kind: 'Status' }).catch((error: unknown) => error);
      await first.close();
      expect(await unanswered).toMatchObject({ code: 'SP_NODE_UNREACHABLE' });
      const second = await listen();
      await up(link);
      const heard = vi.fn<(event: NodeEvent) => void>();
      link.onMessage(heard);
      second.broadcast(exited);
      await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(exited));
      expect(states).toEqual(['up', 'down', 'up']);
    });

    it('lets one agent serve an address at a time', async () => {
      const { listen } = await start();
      const first = await listen();
      await expect(listen()).rejects.toMatchObject({ code: 'SP_BUS_ADDRESS_IN_USE' });
      await first.close();
      await listen();
    });

    it('ends with close: nothing is sent or heard any more', async () => {
      const { listen, connect } = await start();
      const listener = await listen();
      const link = connect();
      const heard = vi.fn<(event: NodeEvent) => void>();
      link.onMessage(heard);
      await up(link);
      await link.close();
      listener.broadcast(exited);
      expect(link.send(hold(1))).toBe(false);
      expect(link.state).toBe('down');
      const other = connect();
      await up(other);
      expect(heard).not.toHaveBeenCalled();
    });
  });
}

async function up(link: NodeLink): Promise<void> {
  await vi.waitFor(() => expect(link.state).toBe('up'), { timeout: 5_000, interval: 2 });
}
