// Members that die, hang or fork wildly while they are cut: the epoch is given up or succeeds, and says why.
import { expect, test } from 'vitest';
import { memberProcesses } from '../support/members.ts';
import { refusal, refusalOf } from '../support/refusal.ts';
import { startSilence } from '../support/silence.ts';
import { startStillpoint } from '../support/stillpoint.ts';

/** Its members know nothing of each other: the one that dies is the only one that ends. */
const alone = ['ballast.py', '--mb', '8', '--steps', '100000', '--step-ms', '50'] as const;

test.each(['preflight', 'freeze', 'hold', 'note', 'dump', 'release'])(
  'a member dies in %s: the gang fails as a whole, says who died, and comes back',
  async (phase) => {
    await using sp = await startStillpoint();
    const gang = await sp.run({ ranks: 2, command: alone });
    await gang.goOn(1);
    const { epoch } = await gang.checkpoint();
    const victims = memberProcesses(sp, 'n2');
    expect(victims.length).toBeGreaterThan(0);
    let killed = 0;
    const kill = (reached: string): void => {
      if (reached !== phase || killed > 0) return;
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      killed += victims.length;
    };
    const options = { onProgress: (progress: { readonly phase: string }) => kill(progress.phase) };
    const end = await sp.client.checkpoint(gang.name, {}, options).catch((error: unknown) => error);
    expect(killed).toBe(victims.length);
    // a death after its dump does not take the epoch away
    if (end instanceof Error) expect(end).toMatchObject({ remedy: expect.stringMatching(/./) });
    expect(await sp.client.wait(gang.name)).toMatchObject({
      state: 'failed',
      exitCode: 137,
      reason: expect.stringContaining('member 1 on n2'),
    });
    await sp.untilNoMembers();
    const restored = await gang.restore();
    expect(restored.epoch).toBe(end instanceof Error ? epoch : epoch + 1);
    await gang.goOn(1);
  },
);

test('a member that hangs in the kernel can not be frozen: who, what it does; all run on, and later it can', async () => {
  await using sp = await startStillpoint();
  await using silence = await startSilence(await sp.makeFolder('silence'));
  const command = ['build/hang', '--in', silence.folder, '--hang-at', '5', '--steps', '200'] as const;
  const gang = await sp.run({ ranks: 2, nodes: 1, command });
  await gang.untilStep(5);
  const error = await refusal(sp, 'checkpoint', gang.name);
  expect(error).toMatchObject({
    code: 'SP_FREEZE_TIMEOUT',
    message: expect.stringMatching(/process \d+ \(hang, state D\)/),
    remedy: expect.stringContaining('The training goes on'),
  });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  silence.end();
  await gang.untilStep(6);
  const { epoch } = await gang.checkpoint();
  await gang.restore({ epoch });
  await gang.finish();
});

test('a member whose processes can not be stopped by ptrace: the dump gives up in time, and all run on', async () => {
  await using sp = await startStillpoint();
  const command = [
    'build/hang',
    '--kind',
    'vfork',
    '--hang-at',
    '5',
    '--hang-ms',
    '20000',
    '--steps',
    '2000',
  ] as const;
  const gang = await sp.run({ ranks: 2, nodes: 1, command });
  await gang.untilStep(5);
  const result = await sp.cli('checkpoint', '--json', gang.name);
  if (result.code !== 0) expect(refusalOf(result).code).toMatch(/^SP_CRIU_|^SP_HOLD_OVER_BUDGET$/);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.untilStep(8);
  await gang.checkpoint();
  await gang.restore();
  await gang.goOn(1);
});

test('members that fork all the time are cut all the same', async () => {
  await using sp = await startStillpoint();
  const command = [
    'forkbomb.py',
    '--steps',
    '150',
    '--step-ms',
    '100',
    '--alive',
    '60',
    '--rate',
    '400',
  ] as const;
  const gang = await sp.run({ ranks: 2, command });
  for (let cut = 0; cut < 4; cut += 1) {
    await gang.goOn(3);
    expect(await gang.checkpoint()).toMatchObject({ state: 'published' });
    if (cut === 1) await gang.restore();
  }
  await gang.restore();
  await gang.finish();
});
