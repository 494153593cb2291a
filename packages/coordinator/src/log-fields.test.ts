// The coordinator's log: every line that concerns an epoch says which, under the same names as the agents' lines.
import { StillpointError } from '@stillpoint/protocol';
import pino from 'pino';
import { expect, it } from 'vitest';
import { Harness } from './testing/harness.ts';

it('names gang, incarnation, epoch and fence in every line about an epoch or a restore', async () => {
  const lines: Record<string, unknown>[] = [];
  const harness = await Harness.create();
  harness.log = pino({}, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  try {
    const { client } = await harness.start();
    await client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
    harness.beforeStep = ({ step }) => {
      if (step === 'dump')
        throw new StillpointError('SP_FAKE', 'CRIU can not', { remedy: 'Mend the test.', retryable: false });
    };
    await expect(client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_FAKE' });
    harness.beforeStep = () => undefined;
    await client.checkpoint('train', { outcome: 'stop' });
    await client.restore('train');
  } finally {
    await harness.dispose();
  }
  const about = lines.filter(({ msg }) => msg === 'epoch' || msg === 'restore');
  expect(new Set(about.map(({ epoch }) => epoch))).toEqual(new Set([1, 2]));
  for (const line of about)
    expect(line).toMatchObject({
      gang: 'train',
      incarnation: line['msg'] === 'restore' ? 2 : 1,
      epoch: expect.any(Number),
      fence: 1,
    });
});
