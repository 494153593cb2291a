// The clocks of a sandbox: CLOCK_MONOTONIC and CLOCK_BOOTTIME of a restored member go on from the cut.
import { readFile } from 'node:fs/promises';

/** CLOCK_MONOTONIC and CLOCK_BOOTTIME in seconds, as a program in some time namespace reads them. */
export interface ClockReading {
  readonly monotonicSeconds: number;
  readonly boottimeSeconds: number;
}

/** Host's CLOCK_MONOTONIC and CLOCK_BOOTTIME plus these are a sandbox's, in whole seconds. */
export interface ClockOffsets {
  readonly monotonicSeconds: number;
  readonly boottimeSeconds: number;
}

/** Reads the host's clocks. Boot time has a resolution of 10 ms (/proc/uptime). */
export async function readHostClocks(): Promise<ClockReading> {
  const uptime = await readFile('/proc/uptime', 'utf8');
  return {
    monotonicSeconds: Number(process.hrtime.bigint()) / 1e9,
    boottimeSeconds: Number(uptime.split(' ')[0]),
  };
}

/** What a sandbox with these offsets reads when the host reads `host`. */
export function sandboxClocks(host: ClockReading, offsets: ClockOffsets): ClockReading {
  return {
    monotonicSeconds: host.monotonicSeconds + offsets.monotonicSeconds,
    boottimeSeconds: host.boottimeSeconds + offsets.boottimeSeconds,
  };
}

/**
 * Offsets for a new sandbox whose clocks go on from `cut`. Whole seconds, rounded up: clocks never run backwards,
 * and jump forward by less than one second.
 */
export function offsetsToContinue(cut: ClockReading, host: ClockReading): ClockOffsets {
  return {
    monotonicSeconds: Math.ceil(cut.monotonicSeconds - host.monotonicSeconds),
    boottimeSeconds: Math.ceil(cut.boottimeSeconds - host.boottimeSeconds),
  };
}
