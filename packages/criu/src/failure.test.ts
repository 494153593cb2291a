// Explanations from logs that were written by the real CRIU, and from the way a run ended.
import { describe, expect, test } from 'vitest';
import { explainCriuFailure, readErrors } from './failure.ts';
import { failureRules } from './failure-rules.ts';
import { limits } from './limits.ts';

/** As it stands in the log of every run where CAP_SYS_RESOURCE is denied, successful ones too. */
const harmless =
  "(00.028) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted";

function explain(...lines: readonly string[]) {
  return explainCriuFailure({ phase: 'dump', exitCode: 1, log: [harmless, ...lines].join('\n') });
}

describe('a log', () => {
  test('is read for its errors, without the harmless and the last ones', () => {
    const log = [
      '(00.010) Running pre-dump scripts',
      harmless,
      "(00.033900) Error (criu/files-reg.c:1790): Can't lookup mount=24 for fd=0 path=/dev/null",
      'Warn  (criu/kerndat.c:1): not an error',
      '  1001: Error (criu/pie/restorer.c:12): from a restored task',
      '(00.034414) Error (criu/cr-dump.c:1975): Dumping FAILED.',
    ].join('\n');
    expect(readErrors(log)).toEqual([
      "Can't lookup mount=24 for fd=0 path=/dev/null",
      'from a restored task',
    ]);
  });

  test.each([
    [
      "Error (criu/files-reg.c:1790): Can't lookup mount=24 for fd=10 path=/dev/null",
      'SP_CRIU_MOUNT',
      'descriptor 10 (/dev/null)',
    ],
    [
      "Error (criu/cr-dump.c:389): Can't get rlimit 0: Operation not permitted",
      'SP_CRIU_PERMISSION',
      'CAP_SYS_RESOURCE',
    ],
    ["Error (criu/util.c:1): Can't open /proc/1/x: Permission denied", 'SP_CRIU_PERMISSION', 'root'],
    [
      'Error (criu/cr-dump.c:1528): A session leader of 1001(1001) is outside of its pid namespace',
      'SP_CRIU_SESSION',
      'process 1001',
    ],
    [
      'Error (criu/kerndat.c:2010): kerndat_tcp_repair failed when initializing kerndat.',
      'SP_CRIU_KERNEL',
      'kernel',
    ],
    ['Error (soccr/soccr.c:400): \trecv failed (10, want 12)', 'SP_CRIU_CONNECTION_MOVED', 'hold'],
    [
      "Error (criu/files-ext.c:94): Can't dump file 5 of that type [600] (anon anon_inode:inode)",
      'SP_CRIU_UNSUPPORTED_FILE',
      'descriptor 5, anon anon_inode:inode',
    ],
    [
      "Error (criu/files-ext.c:94): Can't dump file 7 of that type [20600] (chr 231:192)",
      'SP_CRIU_DEVICE',
      'descriptor 7, chr 231:192',
    ],
    [
      'Error (criu/files-reg.c:2153): File usr/bin/python3.11 has bad build-ID',
      'SP_CRIU_FILE_CHANGED',
      '/usr/bin/python3.11',
    ],
    [
      'Error (criu/arch/x86/cpu.c:223): CPU instruction capabilities do not match run time',
      'SP_CRIU_PROCESSOR',
      'processor',
    ],
    ['Error (criu/image.c:220): Missing required plugin: cuda_plugin', 'SP_CRIU_PLUGIN', 'cuda_plugin'],
    [
      'Error (criu/tty.c:625): tty: Unable to open dev/pts/ptmx with specified index 0',
      'SP_CRIU_TERMINAL',
      'terminal',
    ],
    [
      'Error (soccr/soccr.c:700): Unable to send a fin packet: libnet_write_raw_ipv4(): -1 bytes written (Operation not permitted)',
      'SP_CRIU_HOLD',
      '0xc114',
    ],
  ])('with %s', (line, code, words) => {
    const failure = explain(line);
    expect(failure).toMatchObject({ name: 'CriuFailure', code });
    expect(`${failure.message} ${failure.remedy}`).toContain(words);
    expect(failure.message).toContain(failure.logErrors[0]);
  });

  test('that shows a full disk and much else is one of a full disk', () => {
    const failure = explain(
      "Error (criu/files-reg.c:1790): Can't lookup mount=24 for fd=0 path=/dev/null",
      'Error (criu/bfd.c:131): Error flushing image: No space left on device',
    );
    expect(failure).toMatchObject({ code: 'SP_CRIU_DISK_FULL', retryable: true });
  });

  test('that nobody knows is quoted at its end', () => {
    const lines = Array.from({ length: 9 }, (_, index) => `Error (criu/x.c:${index}): odd thing ${index}`);
    const failure = explain(...lines);
    expect(failure.code).toBe('SP_CRIU_FAILED');
    expect(failure.logErrors).toHaveLength(limits.quotedErrorsMax);
    expect(failure.message).toMatch(/^CRIU dump failed with exit code 1: odd thing 4 \| .* \| odd thing 8$/);
    expect(failure.remedy).toContain('dump.log');
  });

  test('without errors, and one too long to be read whole', () => {
    expect(explain().message).toBe('CRIU dump failed with exit code 1');
    const long = `Error (a:1): [io_uring]\n${'x'.repeat(limits.logBytesMax)}`;
    expect(explainCriuFailure({ phase: 'restore', log: long }).message).toBe(
      'CRIU restore failed with exit code unknown',
    );
  });
});

describe('the end of a run', () => {
  test.each([
    [{ signal: 'SIGKILL' }, 'SP_CRIU_KILLED', /killed by SIGKILL/],
    [{ exitCode: 137 }, 'SP_CRIU_KILLED', /killed by signal 9/],
    [{ deadlineMs: 5000 }, 'SP_CRIU_DEADLINE', /not done after 5000 ms/],
    [{ deadlineMs: 5000, signal: 'SIGTERM' }, 'SP_CRIU_DEADLINE', /5000 ms/],
  ])('%j', (end, code, message) => {
    const failure = explainCriuFailure({ phase: 'dump', log: harmless, ...end });
    expect(failure).toMatchObject({ code, retryable: true, message: expect.stringMatching(message) });
  });
});

test('every rule fills in only what its pattern names', () => {
  for (const { code, message, pattern } of failureRules) {
    const names = [...message.matchAll(/\$<(\w+)>/g)].map((match) => match[1]);
    const groups = [...pattern.source.matchAll(/\(\?<(\w+)>/g)].map((match) => match[1]);
    expect([code, groups]).toEqual([code, expect.arrayContaining(names)]);
  }
});

test('a half-open connection is named as the kernel knew it', () => {
  const log = 'Error (criu/sk-inet.c:300): In-flight connection (l) for 4d2';
  const halfOpen = ['a', 'b', 'c', 'd', 'e'];
  expect(explainCriuFailure({ phase: 'dump', exitCode: 1, log, halfOpen }).message).toBe(
    'CRIU dump: a TCP connection is half open: made by its client, and not yet accepted: a, b, c, d and 1 more ' +
      '(CRIU: In-flight connection (l) for 4d2)',
  );
  expect(explain(log).message).toContain('accepted (CRIU:');
});
