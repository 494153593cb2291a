// Sandboxes, the freezer and the network hold on the real kernel, with cgroup v1 and v2.
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdId } from '@stillpoint/protocol';
import { describe, expect, it } from 'vitest';
import { exec } from './exec.ts';
import { cgroupProcesses, freeze, isFrozen, killCgroup, thaw } from './freezer.ts';
import { liftHold, listHolds, takeHold } from './hold.ts';
import { listNamespaces, memberNamespace, namespacePath, processesIn } from './network.ts';
import { removeSandbox } from './sandbox.ts';
import { isSandboxAlive, listUsedSlots, readExit, recordName } from './sandbox-record.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';
import { toolPath } from './tools.ts';
import { killVirtualNode } from './virtual-node.ts';

const counter = ['/bin/sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

describe.each(['v1', 'v2'] as const)('a sandbox under cgroup %s', (version) => {
  it('freezes as a whole, thaws, and dies frozen', async () => {
    await using nodes = await makeNodes(1, version);
    const member = await nodes.launch(1, [
      '/bin/sh',
      '-c',
      'sleep 1000 & sleep 1000 & while :; do echo x; sleep 0.01; done',
    ]);
    const { cgroup } = member.slot;
    await eventually(
      async () => ((await cgroupProcesses(cgroup)).length >= 3 ? true : undefined),
      'three processes',
    );

    await freeze(nodes.freezer, cgroup);
    expect(await isFrozen(nodes.freezer, cgroup)).toBe(true);
    const before = (await nodes.status(member)).stdoutBytes;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await nodes.status(member)).stdoutBytes).toBe(before);

    await thaw(nodes.freezer, cgroup);
    await eventually(
      async () => ((await nodes.status(member)).stdoutBytes > before ? true : undefined),
      'output goes on',
    );

    await freeze(nodes.freezer, cgroup);
    await killCgroup(nodes.freezer, cgroup);
    expect(await cgroupProcesses(cgroup)).toEqual([]);
  });

  it('that forks wildly is frozen all the same', async () => {
    await using nodes = await makeNodes(1, version);
    const member = await nodes.launch(1, [
      '/bin/sh',
      '-c',
      'while :; do (sleep 0.001; (exit 0)) & wait; done',
    ]);
    for (let round = 0; round < 20; round += 1) {
      await freeze(nodes.freezer, member.slot.cgroup);
      expect(await isFrozen(nodes.freezer, member.slot.cgroup)).toBe(true);
      await thaw(nodes.freezer, member.slot.cgroup);
    }
  });
});

describe('a sandbox', () => {
  it('leaves its exit code, and nothing else once it is removed', async () => {
    await using nodes = await makeNodes(1);
    const member = await nodes.launch(1, ['/bin/sh', '-c', 'echo out; echo err >&2; exit 7']);
    const exit = await eventually(() => readExit(member.slot), 'an exit file');
    expect(exit.code).toBe(7);
    expect(await readFile(member.stdoutPath, 'utf8')).toBe('out\n');
    expect(await readFile(member.stderrPath, 'utf8')).toBe('err\n');
    await removeSandbox(nodes.paths, nodes.freezer, member.slot);
    expect(await exists(member.slot.folder)).toBe(false);
    expect(await exists(member.slot.cgroup)).toBe(false);
    expect(await listNamespaces(nodes.paths)).not.toContain(member.slot.namespace);
  });

  it('has its own /tmp, /dev/shm, host name, pids and clocks', async () => {
    await using nodes = await makeNodes(1);
    const script =
      'echo x >/tmp/mine; echo x >/dev/shm/mine; hostname; echo $$; ls /tmp /dev/shm; exec sleep 1000';
    const member = await nodes.launch(1, ['/bin/sh', '-c', script]);
    const text = await eventually(async () => {
      const output = await readFile(member.stdoutPath, 'utf8');
      return output.split('mine').length > 2 ? output : undefined;
    }, 'output');
    expect(text).toContain(`g-${member.member}\n1000\n`);
    expect(await exists('/tmp/mine')).toBe(false);
    expect(await exists('/dev/shm/mine')).toBe(false);
  });

  it('repeats what is lost sooner than Linux does, over both families', async () => {
    await using nodes = await makeNodes(1);
    const { slot } = await nodes.launch(1, counter);
    for (const family of ['-4', '-6']) {
      const { stdout } = await exec('ip', [family, '-n', slot.namespace, 'route', 'show', 'dev', 'eth0']);
      const routes = stdout.split('\n').filter((line) => /^(10\.|fd5a)/.test(line));
      expect(routes).toEqual([expect.stringContaining('rto_min lock 50ms')]);
    }
  });

  it('is found again from its record alone', async () => {
    await using nodes = await makeNodes(2);
    const member = await nodes.launch(2, counter);
    const found = await listUsedSlots(nodes.paths, 'n2');
    expect(found.map((used) => used.sandbox)).toEqual([member]);
    expect(await listUsedSlots(nodes.paths, 'n1')).toEqual([]);
    expect(await isSandboxAlive(member)).toBe(true);
  });

  it('is removed as a whole also when its agent was killed before it had written the record', async () => {
    await using nodes = await makeNodes(1);
    const member = await nodes.launch(1, counter);
    await rm(join(member.slot.folder, recordName));
    await removeSandbox(nodes.paths, nodes.freezer, member.slot);
    expect(await isSandboxAlive(member)).toBe(false);
  });

  it('is started once, also when its agent was killed before it had written the record', async () => {
    await using nodes = await makeNodes(1);
    const member = await nodes.launch(1, counter);
    await rm(join(member.slot.folder, recordName));
    expect(await nodes.launch(1, counter, 1)).toEqual(member);
    expect(await isSandboxAlive(member)).toBe(true);
    await rm(join(member.slot.folder, recordName));
    process.kill(member.initPid, 'SIGTERM');
    await eventually(async () => ((await isSandboxAlive(member)) ? undefined : true), 'its end');
    expect(await nodes.launch(1, counter, 1)).toEqual({ ...member, initPid: 0 });
  });

  it('whose start fails leaves no process', async () => {
    await using nodes = await makeNodes(1);
    const program = toolPath(nodes.paths, 'sp-init');
    await rm(program);
    await writeFile(program, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    await expect(nodes.launch(1, counter)).rejects.toMatchObject({ code: 'SP_SANDBOX_FAILED' });
    expect(await processesIn([memberNamespace(nodes.paths, 'n1', 1)])).toEqual([]);
  });

  it('goes with its killed node at once, frozen or not', async () => {
    await using nodes = await makeNodes(2);
    const running = await nodes.launch(1, counter);
    const frozen = await nodes.launch(1, counter);
    const other = await nodes.launch(2, counter);
    await freeze(nodes.freezer, frozen.slot.cgroup);
    await killVirtualNode(nodes.paths, 'n1');
    expect(await isSandboxAlive(running)).toBe(false);
    expect(await isSandboxAlive(frozen)).toBe(false);
    expect(await isSandboxAlive(other)).toBe(true);
    expect((await listNamespaces(nodes.paths)).filter((name) => name.includes('n1'))).toEqual([]);
  });

  it('goes with its killed node even while an agent removes it', async () => {
    await using nodes = await makeNodes(1);
    for (let round = 0; round < 3; round += 1) {
      const members = [await nodes.launch(1, counter, 1), await nodes.launch(1, counter, 2)];
      // commands that are under way on the node die with it
      const removals = members.map(({ slot }) =>
        removeSandbox(nodes.paths, nodes.freezer, slot).catch(() => null),
      );
      await Promise.all([killVirtualNode(nodes.paths, 'n1'), ...removals]);
      expect(await listNamespaces(nodes.paths)).toEqual([expect.stringMatching(/-fabric$/)]);
      await nodes.addNode(1);
    }
  });
});

it('a place that was given back can be taken again at once', async () => {
  await using nodes = await makeNodes(1);
  for (let round = 0; round < 5; round += 1) {
    const member = await nodes.launch(1, counter, 1);
    expect(member.slot.slot).toBe(1);
    await removeSandbox(nodes.paths, nodes.freezer, member.slot);
  }
});

describe('a hold', () => {
  /** Whether anything comes back from the address: a refused connection does, a dropped one does not. */
  const reaches = async (namespace: string, address: string): Promise<boolean> => {
    const connect = ['timeout', '1', 'bash', '-c', `</dev/tcp/${address}/9`];
    const { code } = await exec('nsenter', [`--net=${namespacePath(namespace)}`, ...connect], {
      accept: [0, 1, 124],
    });
    return code !== 124;
  };
  /** A single attempt may be too slow on a busy machine. */
  const untilReached = (namespace: string, address: string): Promise<boolean> =>
    eventually(async () => (await reaches(namespace, address)) || undefined, `an answer of ${address}`);

  it('drops everything, lo included, until the same hold is lifted', async () => {
    await using nodes = await makeNodes(2);
    const one = await nodes.launch(1, counter);
    const two = await nodes.launch(2, counter);
    const { namespace } = one.slot;
    await untilReached(namespace, two.slot.addresses.ipv4);
    await untilReached(namespace, two.slot.addresses.ipv6);

    await takeHold(namespace, holdId('a1'));
    await takeHold(namespace, holdId('b2'));
    expect((await listHolds(namespace)).toSorted()).toEqual(['a1', 'b2']);
    await liftHold(namespace, holdId('b2'));
    await liftHold(namespace, holdId('c3'));
    expect(await listHolds(namespace)).toEqual(['a1']);
    expect(await reaches(namespace, '127.0.0.1')).toBe(false);
    expect(await reaches(namespace, two.slot.addresses.ipv4)).toBe(false);
    expect(await reaches(two.slot.namespace, one.slot.addresses.ipv6)).toBe(false);

    await liftHold(namespace, holdId('a1'));
    await untilReached(namespace, two.slot.addresses.ipv4);
  });

  it('lets a kernel answer a handshake again, which it would forget otherwise', async () => {
    await using nodes = await makeNodes(2);
    const listen = "import socket, time; end = socket.create_server(('', 9)); time.sleep(1000)";
    const two = await nodes.launch(2, ['/usr/bin/python3', '-c', listen]);
    const { namespace, addresses } = two.slot;
    const inTwo = async (...command: string[]): Promise<string> =>
      (await exec('nsenter', [`--net=${namespacePath(namespace)}`, ...command])).stdout;
    await eventually(async () => (await inTwo('ss', '-tlnH')) || undefined, 'a listener');
    // the end of the handshake is lost
    const lost = 'tcp flags & (syn | ack) == ack drop;';
    await inTwo('nft', `table inet lossy { chain lossy { type filter hook input priority 0; ${lost} }; };`);
    await nodes.launch(1, ['/bin/bash', '-c', `exec 3<>/dev/tcp/${addresses.ipv4}/9; sleep 1000`]);
    const handshake = (): Promise<string> => inTwo('ss', '-tnoH', 'state', 'syn-recv');
    await eventually(async () => (await handshake()) || undefined, 'a handshake');
    await takeHold(namespace, holdId('a1'));
    await eventually(
      async () => /timer:\(on,[^,]*,[1-9]/.test(await handshake()) || undefined,
      'its repetition',
    );
    expect(await listHolds(namespace)).toEqual(['a1']);
  });
});
