// A ledger that grows to its limit: nothing begins any more while there is still room for all that has to end.
import { ledgerLimits } from '@stillpoint/ledger';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type * as Limits from './limits.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

const spare = vi.hoisted(() => ({ begin: 0, incarnation: 0 }));

vi.mock('./limits.ts', async (original) => {
  const { limits } = await original<typeof Limits>();
  return {
    limits: {
      ...limits,
      get beginSpareBytes() {
        return spare.begin;
      },
      get incarnationSpareBytes() {
        return spare.incarnation;
      },
    },
  };
});

let harness: Harness;
let running: RunningCoordinator;

beforeEach(async () => {
  Object.assign(spare, { begin: 0, incarnation: 0 });
  harness = await Harness.create();
  running = await harness.start();
  await running.client.run({ name: 'train', ranks: 1, nodes: 1, command: ['train'], cwd: '/' });
  await running.client.checkpoint('train');
});

afterEach(() => harness.dispose());

const atLimit = { code: 'SP_LEDGER_AT_LIMIT' };

it('no gang and no epoch begins; what runs can be restored, and ends', async () => {
  spare.begin = ledgerLimits.fileBytesMax;
  const { client } = running;
  const other = { name: 'other', ranks: 1, nodes: 1, command: ['train'], cwd: '/' };
  await expect(client.run(other)).rejects.toMatchObject(atLimit);
  await expect(client.checkpoint('train')).rejects.toMatchObject(atLimit);
  expect((await client.listGangs()).map(({ name, state }) => `${name} ${state}`)).toEqual(['train running']);
  await client.restore('train');
  await client.stop('train');
  expect(running.fatal).toEqual([]);
});

it('no restore begins, and what runs is left alone; it ends, under a successor too', async () => {
  spare.incarnation = ledgerLimits.fileBytesMax;
  await expect(running.client.restore('train')).rejects.toMatchObject(atLimit);
  expect(harness.world.running('train')).toHaveLength(1);
  await running.crash();
  const { client } = await harness.start();
  await client.stop('train');
  expect(await client.wait('train')).toMatchObject({ state: 'stopped' });
});
