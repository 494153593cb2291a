// Moments as people read them, in the machine's time zone. No clock of its own: `nowMs` is given.
import { formatSeconds } from './units.ts';

/** `2026-11-24 08:12:03`; without the date where it is today's. */
export function formatWhen(atMs: number, nowMs: number): string {
  const date = dateText(atMs);
  return date === dateText(nowMs) ? timeText(atMs) : `${date} ${timeText(atMs)}`;
}

/** How long ago: `3 m 20 s`. A moment to come counts as now. */
export function formatAge(atMs: number, nowMs: number): string {
  return formatSeconds(Math.max(0, Math.floor((nowMs - atMs) / 1000)));
}

function dateText(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function timeText(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

const two = (amount: number): string => String(amount).padStart(2, '0');
