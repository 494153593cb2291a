// What a hook may be, and what is refused when it is configured.
import { describe, expect, it } from 'vitest';
import { hookDeadlines, hooksAt, hooksFileSchema, type Hook } from './hook-specs.ts';

const http = { url: 'http://localhost/' };
const parse = (...hooks: readonly object[]): readonly Hook[] => hooksFileSchema.parse({ hooks }).hooks;
const refusal = (...hooks: readonly object[]): string =>
  (hooksFileSchema.safeParse({ hooks }).error?.issues ?? []).map(({ message }) => message).join('; ');

describe('a hook', () => {
  it('has a deadline of 5 s unless it says otherwise', () => {
    expect(parse({ name: 'a', when: 'pre', phase: 'dump', http })).toMatchObject([{ deadlineMs: 5_000 }]);
  });

  it('that needs a member that runs is refused where none does', () => {
    const exec = { command: ['true'] };
    for (const [when, phase] of [
      ['pre', 'preflight'],
      ['post', 'preflight'],
      ['pre', 'freeze'],
      ['post', 'release'],
    ])
      expect(refusal({ name: 'a', when, phase, exec })).toBe('');
    for (const [when, phase] of [
      ['post', 'freeze'],
      ['pre', 'hold'],
      ['post', 'hold'],
      ['pre', 'dump'],
      ['post', 'dump'],
      ['pre', 'release'],
      ['pre', 'persist'],
      ['post', 'persist'],
    ]) {
      expect(refusal({ name: 'a', when, phase, exec })).toContain('possible are pre preflight');
      expect(refusal({ name: 'a', when, phase, http })).toBe('');
      expect(refusal({ name: 'a', when, phase, http: { ...http, needsMember: true } })).toContain(
        'needs a member',
      );
      const nats = { subject: 'writer.flush', needsMember: true };
      expect(refusal({ name: 'a', when, phase, nats })).toContain('needs a member');
    }
  });

  it('can give the epoch up before the decision only', () => {
    const hook = { name: 'a', when: 'post', http, failurePolicy: 'Abort' };
    expect(refusal({ ...hook, phase: 'dump' })).toBe('');
    expect(refusal({ ...hook, phase: 'release' })).toContain('can only be Continue');
    expect(refusal({ ...hook, phase: 'persist' })).toContain('can only be Continue');
  });

  it('is one thing, under a name of its own, and has no fields that nobody knows', () => {
    const hook = { name: 'a', when: 'pre', phase: 'freeze' };
    expect(refusal(hook)).toContain('one of exec, http and nats');
    expect(refusal({ ...hook, http, exec: { command: ['true'] } })).toContain('one of exec');
    expect(refusal({ ...hook, http }, { ...hook, http })).toContain('two hooks are named a');
    expect(refusal({ ...hook, http, dedline: 3 })).toContain('dedline');
    expect(refusal({ ...hook, http: { url: 'ftp://x' } })).toContain('http://');
    expect(refusal({ ...hook, name: 'A b', http })).toContain('a-z');
    expect(refusal({ ...hook, http, deadlineMs: 0 })).not.toBe('');
  });
});

describe('the hooks of a stage', () => {
  const hooks = parse(
    { name: 'before-freeze', when: 'pre', phase: 'freeze', http, deadlineMs: 1 },
    { name: 'after-preflight', when: 'post', phase: 'preflight', http, deadlineMs: 2 },
    { name: 'before-persist', when: 'pre', phase: 'persist', http, deadlineMs: 4 },
    { name: 'after-release', when: 'post', phase: 'release', http, deadlineMs: 8 },
  );
  const names = (...args: [Parameters<typeof hooksAt>[1], Parameters<typeof hooksAt>[2]]): string[] =>
    hooksAt(hooks, ...args).map(({ name }) => name);

  it('are those that end a phase, then those that begin the next', () => {
    expect(names('freeze', 'resume')).toEqual(['after-preflight', 'before-freeze']);
    expect(names('persist', 'resume')).toEqual(['after-release', 'before-persist']);
    expect(names('hold', 'resume')).toEqual([]);
  });

  it('are those after a release where members were released', () => {
    expect(names('persist', 'stop')).toEqual(['before-persist']);
    expect(names('aborted', 'stop')).toEqual(['after-release']);
    expect(names('aborted', 'resume')).toEqual(['after-release']);
  });

  it('have the time of all of them', () => {
    expect(hookDeadlines(hooks, 'resume')).toEqual({ freeze: 3, persist: 12, aborted: 8 });
    expect(hookDeadlines(hooks, 'stop')).toEqual({ freeze: 3, persist: 4, aborted: 8 });
    expect(hookDeadlines([], 'stop')).toEqual({});
  });
});
