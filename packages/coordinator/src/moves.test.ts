// Migrations whose checkpoint has stopped the gang while the vault takes nothing: they go on once it does.
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
  await first.client.addNode({ name: 'n3' });
  for (const member of harness.world.members('train')) member.value = 5 + member.member;
});

afterEach(() => harness.dispose());

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 15_000, interval: 5 });
const values = (): number[] => harness.world.members('train').map(({ value }) => value);
const persists = (): number => harness.steps.filter((step) => step.startsWith('persist ')).length;

/** From the next persist on the vault takes nothing, though preflight saw room. @returns how to make room */
function fillVault(): () => void {
  harness.beforeStep = ({ step }) => {
    if (step === 'persist') throw new StillpointError('SP_VAULT_FULL', 'full', { remedy: 'Make room.' });
  };
  return () => {
    harness.beforeStep = () => undefined;
  };
}

async function expectMoved({ client }: RunningCoordinator): Promise<void> {
  await until(async () => {
    const { state, members } = await client.showGang('train');
    expect([state, ...members.map(({ node }) => node)]).toEqual(['running', 'n3', 'n2']);
  });
  expect(values()).toEqual([5, 6]);
}

it('a full vault stops nothing: refused at preflight, and the gang runs on where it is', async () => {
  harness.world.vaultFreeBytes = 1999;
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_BLOCKED',
    blockers: [{ code: 'SP_VAULT_NO_ROOM' }],
  });
  await expect(first.client.drainNode('n1')).rejects.toMatchObject({
    code: 'SP_BLOCKED',
    message: expect.stringMatching(
      /^node n1 is out of use now, but not every gang has moved: epoch \d+ of train: /,
    ),
    remedy: expect.stringContaining('`stillpoint node add n1` takes the node into use again.'),
    blockers: [{ code: 'SP_VAULT_NO_ROOM' }],
  });
  expect(first.coordinator.context.nodes.record('n1').schedulable).toBe(false);
  expect(harness.world.running('train')).toHaveLength(2);
  expect(first.coordinator.context.gangs.get('train').move).toBeUndefined();
  harness.world.vaultFreeBytes = 2000;
  await first.client.migrate('train', { from: 'n1' });
  await expectMoved(first);
});

it('a vault that runs full meanwhile: said at once, and the move goes on by itself once there is room', async () => {
  const makeRoom = fillVault();
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_MOVE_WAITS',
    message: expect.stringContaining('full'),
    remedy: expect.stringContaining('goes on by itself'),
  });
  expect(harness.world.members('train')).toEqual([]);
  const tried = persists();
  await until(() => expect(persists()).toBeGreaterThan(tried));
  expect(harness.world.members('train')).toEqual([]);
  makeRoom();
  await expectMoved(first);
  await until(() => expect(first.coordinator.context.gangs.get('train').move).toBeUndefined());
});

it('room is made by removing older epochs; the one that is moved stays', async () => {
  await first.client.checkpoint('train');
  const makeRoom = fillVault();
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_MOVE_WAITS',
  });
  await first.client.removeEpoch('train', 1);
  expect(await harness.vault.list('train')).toEqual([]);
  await expect(first.client.removeEpoch('train', 2)).rejects.toMatchObject({ code: 'SP_EPOCH_IN_USE' });
  makeRoom();
  await expectMoved(first);
});

it('the same under a successor', async () => {
  const makeRoom = fillVault();
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_MOVE_WAITS',
  });
  await first.crash();
  const second = await harness.start();
  makeRoom();
  await expectMoved(second);
});

it('is called off by a stop; a restore brings the gang back where it was', async () => {
  const makeRoom = fillVault();
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_MOVE_WAITS',
  });
  await first.client.stop('train');
  expect(await first.client.wait('train')).toMatchObject({ state: 'stopped' });
  makeRoom();
  await first.client.restore('train');
  expect(values()).toEqual([5, 6]);
  const { members } = await first.client.showGang('train');
  expect(members.map(({ node }) => node)).toEqual(['n1', 'n2']);
});

it('is forgotten with a gang that is removed', async () => {
  fillVault();
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({
    code: 'SP_MOVE_WAITS',
  });
  await until(() => first.client.removeGang('train'));
  await first.client.run({ name: 'train', ranks: 1, nodes: 1, command: ['train'], cwd: '/' });
  expect(first.coordinator.context.gangs.get('train').move).toBeUndefined();
});
