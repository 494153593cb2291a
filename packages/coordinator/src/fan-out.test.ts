// Orders to several nodes are one message; others stay apart, and everything keeps its order.
import { expect, it } from 'vitest';
import { fanOut } from './fan-out.ts';

type Effect =
  | { readonly kind: 'Send'; readonly node: string; readonly command: { readonly order: string } }
  | { readonly kind: 'Record' };

it('joins what follows one another with the very same command, and nothing else', () => {
  const [hold, dump] = [{ order: 'hold' }, { order: 'dump' }];
  const send = (node: string, command: { readonly order: string }): Effect => ({
    kind: 'Send',
    node,
    command,
  });
  const effects = [
    send('a', hold),
    send('b', hold),
    { kind: 'Record' } as const,
    send('a', hold),
    send('b', dump),
  ];
  expect(fanOut<Effect>(effects)).toMatchObject([
    { kind: 'Send', nodes: ['a', 'b'], command: hold },
    { kind: 'Record' },
    { kind: 'Send', nodes: ['a'], command: hold },
    { kind: 'Send', nodes: ['b'], command: dump },
  ]);
});
