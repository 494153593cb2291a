// The test projects: `unit` beside the sources; `system`, on the real CRIU, etcd and NATS; `long`, those that
// take too long for every change. Only the first runs files in parallel: the others use the whole machine.
import { defineConfig } from 'vitest/config';

const minuteMs = 60_000;

export default defineConfig({
  test: {
    // most tests wait for something: no core has to be left free
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
          exclude: ['packages/*/src/**/*.system.test.ts'],
          testTimeout: minuteMs,
          hookTimeout: minuteMs,
        },
      },
      {
        test: {
          name: 'system',
          include: ['packages/*/src/**/*.system.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/**/*.long.test.ts'],
          fileParallelism: false,
          testTimeout: 5 * minuteMs,
          hookTimeout: 2 * minuteMs,
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          fileParallelism: false,
          testTimeout: 30 * minuteMs,
          hookTimeout: 5 * minuteMs,
        },
      },
    ],
  },
});
