// The command line as a whole: help, wrong usage, defects, and that its verbs are those of the documents.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stillpoint } from './testing/run.ts';
import { verbs } from './verbs.ts';

const nobody = undefined;

describe('help', () => {
  test('lists every verb, in the order of the documents, whatever is installed', async () => {
    const usage = readFileSync(new URL('../../../scripts/usage.txt', import.meta.url), 'utf8');
    const documented = [...usage.matchAll(/^ {2}(\w+(?: add\|drain\|kill)?)/gm)].flatMap(([, verb = '']) =>
      verb.startsWith('node ') ? ['node add', 'node drain', 'node kill'] : [verb],
    );
    // `setup` is the launcher's own; `completion` is of no use before set-up
    const ours = verbs.filter(({ isHidden }) => isHidden !== true).map(({ name }) => name);
    const shown = [...ours, 'setup'].filter((name) => name !== 'completion');
    expect(documented.toSorted()).toEqual([...new Set([...shown, 'demo'])].toSorted());
    const { code, out } = await stillpoint(nobody, '');
    expect(code).toBe(0);
    const listed = [...out.matchAll(/^ {2}((?:node )?[a-z]+)(?: |$)/gm)].map(([, name]) => name);
    expect(listed).toEqual(expect.arrayContaining(ours));
    expect(out).not.toContain('__complete');
  });

  test.each(verbs.map(({ name }) => name))('%s has help with examples that it understands', async (name) => {
    const { code, out, err } = await stillpoint(nobody, `${name} --help`);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('Examples:');
    expect(out).toContain('--json');
    expect(out.split('\n').filter((line) => line.length > 125)).toEqual([]);
  });

  test.each(['-h', '--help', 'help'])('%s shows the overview', async (line) => {
    const { code, out } = await stillpoint(nobody, line);
    expect(code).toBe(0);
    expect(out).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage');
  });

  test('--version prints one', async () => {
    expect(await stillpoint(nobody, '--version')).toEqual({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
  });
});

describe('wrong usage ends with 2, says what is wrong and where the help is', () => {
  test.each([
    ['dance', /unknown command 'dance'/],
    ['chekpoint train', /Did you mean checkpoint\?/],
    ['node', /which verb of `stillpoint node`\?/],
    ['node dance n1', /unknown command 'dance'/],
    ['show', /missing required argument 'NAME'/],
    ['show a b', /too many arguments/],
    ['ps --sideways', /unknown option '--sideways'/],
    [
      'show Train',
      /"Train" can't be the name of a gang: a name has lower-case letters, digits and inner hyphens/,
    ],
    ['show -- -train', /can't be the name of a gang/],
    ['show a_b', /can't be the name of a gang/],
    [`show ${'a'.repeat(41)}`, /at most 40 characters/],
    ['show ../etc', /can't be the name of a gang/],
    ['node add N1', /"N1" can't be the name of a node/],
    ['restore train@', /"" is no epoch/],
    ['restore train@0', /"0" is no epoch/],
    ['restore train@7x', /"7x" is no epoch/],
    ['restore train@-1', /"-1" is no epoch/],
    ['restore train@1@2', /"1@2" is no epoch/],
    ['restore @7', /"" can't be the name of a gang/],
    ['restore train --onto n1,,n2', /"" can't be the name of a node/],
    ['restore train --files lose', /Allowed choices are refuse, save, keep/],
    ['timeline train', /which epoch of "train"\? Write train@EPOCH/],
    ['verify train', /which epoch of "train"/],
    ['migrate train', /required option '--from <NODE>' not specified/],
    ['checkpoint train --wait forever', /Allowed choices are committed, published/],
    ['completion powershell', /Allowed choices are bash, zsh, fish/],
    ['run train -- true', /required option '--ranks <N>' not specified/],
    ['run train --ranks 2', /missing required argument 'CMD'/],
    ['run train --ranks two -- true', /--ranks takes a whole number from 1 to 64, not "two"/],
    ['run train --ranks 0 -- true', /--ranks takes a whole number/],
    ['run train --ranks 65 -- true', /--ranks takes a whole number/],
    ['run train --ranks 1.5 -- true', /--ranks takes a whole number/],
    ['run train --ranks 1 --nodes 3 -- true', /3 nodes for 1 member: a node would be empty/],
    ['run train --ranks 2 --every 30 -- true', /--every takes a time such as 30s/],
    ['run train --ranks 2 --every 1ms -- true', /--every takes 500 ms to 7 d, not 1ms/],
    ['run train --ranks 2 --every 8d -- true', /--every takes 500 ms to 7 d/],
    ['run train --ranks 2 --keep 0 -- true', /--keep takes a whole number/],
    ['run train --ranks 2 --env FOO -- true', /--env takes NAME=VALUE, not "FOO"/],
    ['run train --ranks 2 --env =x -- true', /--env takes NAME=VALUE/],
    ['run train --ranks 2 --outside open -- true', /Allowed choices are refuse, close, keep/],
    [
      'run train --ranks 2 python3 train.py --lr 1',
      /unknown option '--lr'[^]*Put `--` before the gang's command/,
    ],
  ])('stillpoint %s', async (line, message) => {
    const { code, out, err } = await stillpoint(nobody, line);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).toMatch(/^error: [^\n]* \(SP_USAGE\)\n→ [^\n]+\n$/);
    expect(out).toBe('');
  });

  test('run with an environment that the coordinator would not take', async () => {
    const large = Array.from({ length: 9 }, (_, index) => [`LARGE_${index}`, 'x'.repeat(100_000 + index)]);
    const env = { PATH: '/usr/bin', ...Object.fromEntries(large) };
    const { code, err } = await stillpoint(nobody, 'run train --ranks 2 -- true', { env });
    expect(code).toBe(2);
    expect(err).toContain(
      "the environment has 900 kB, and a gang's may have 786 kB; " +
        'largest in it: LARGE_8 (100 kB), LARGE_7 (100 kB), LARGE_6 (100 kB)',
    );
    expect(err).toContain('env -u NAME');
  });

  test('as JSON too', async () => {
    const { code, out, err } = await stillpoint(nobody, 'show --json');
    expect([code, err]).toEqual([2, '']);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'SP_USAGE', remedy: 'See `stillpoint show --help`.' },
    });
  });

  test.each([
    ['--json', "unknown option '--json'"],
    ['run train --ranks 2 --json -f -- true', '--json and --follow exclude each other'],
  ])('of --json itself: %s', async (line, message) => {
    const { code, out } = await stillpoint(nobody, line);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { message } });
  });

  test("--json of the gang's own command is not ours", async () => {
    const { out } = await stillpoint(nobody, 'run train --ranks 0 -- train --json');
    expect(out).toBe('');
  });
});

describe('a defect', () => {
  const connect = () => Promise.reject(new Error('it fell over'));

  test('is said as one, and ends with 1', async () => {
    const { code, err } = await stillpoint(nobody, 'ps', { connect });
    expect(code).toBe(1);
    expect(err).toMatch(
      /^error: the command broke: it fell over \(SP_CLI_BROKEN\)\n→ [^\n]+STILLPOINT_DEBUG=1[^\n]+\n$/,
    );
  });

  test('shows its stack when it is asked for', async () => {
    const { err } = await stillpoint(nobody, 'ps', { connect, env: { STILLPOINT_DEBUG: '1' } });
    expect(err).toContain('run-cli.test.ts');
  });
});

describe('the look', () => {
  const connect = () => Promise.reject(new Error('x'));

  test('has no colours and no characters outside ASCII where they are not wanted', async () => {
    const { err } = await stillpoint(nobody, 'ps', { connect, env: { LC_ALL: 'C', LANG: 'C.UTF-8' } });
    expect(err).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('has colours where they are forced', async () => {
    const { err } = await stillpoint(nobody, 'ps', { connect, env: { FORCE_COLOR: '1' } });
    expect(err).toContain('\u001b[31merror:');
  });

  test('NO_COLOR wins', async () => {
    const { err } = await stillpoint(nobody, 'ps', { connect, env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(err).not.toContain('\u001b');
  });
});
