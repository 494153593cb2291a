// What a restore does when its node has other addresses to give than it was planned with.
import {
  epochNumber,
  fenceNumber,
  gangId,
  incarnationNumber,
  memberId,
  nodeName,
  type RestorePlacement,
} from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import { expect, it } from 'vitest';
import { NodeMembers } from './node-members.ts';
import { RestoreSteps } from './restore-steps.ts';
import { makeNodes } from './testing/node-fixture.ts';

const member = memberId(0);
const owner = { gang: 'g', incarnation: 2, member };

it('is refused by name before anything is fetched or started when an address is not to be had', async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const members = new NodeMembers(paths, freezer, { name: 'n1', index: 1 }, () => undefined);
  const steps = new RestoreSteps({
    paths,
    freezer,
    node: 'n1',
    vault: await openDirectoryVault(paths.vault),
    members,
    member,
    header: {
      gang: gangId('g'),
      incarnation: incarnationNumber(2),
      epoch: epochNumber(1),
      fence: fenceNumber(1),
    },
  });
  const prepare = (ipv4: string): Promise<unknown> => {
    const placement: RestorePlacement = {
      member,
      node: nodeName('n1'),
      addresses: [{ from: '10.233.9.10', to: ipv4 }],
    };
    return steps.perform({ step: 'prepare', members: [placement], files: 'refuse' });
  };
  const { slot } = await members.reserve(owner);

  await expect(prepare('10.233.1.99')).rejects.toMatchObject({
    code: 'SP_ADDRESS_TAKEN',
    message: 'node n1 cannot give 10.233.1.99 to the member',
    retryable: true,
  });
  expect(members.sandboxes('g', 2)).toEqual([]);
  // with the place's own address it goes on, to find that this epoch is in no vault
  await expect(prepare(slot.addresses.ipv4)).rejects.toMatchObject({ code: 'SP_VAULT_UNKNOWN_EPOCH' });
});
