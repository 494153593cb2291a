// The bus within one process keeps the contract.
import { InProcessNode } from './in-process.ts';
import { busContract } from './testing.ts';

busContract('in-process', () => {
  const node = new InProcessNode('n1');
  return Promise.resolve({
    listen: async (handlers) => node.listen(handlers),
    connect: () => node.connect(),
    dispose: () => Promise.resolve(),
  });
});
