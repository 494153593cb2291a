// What the API gives of the time that something in an epoch took, as schemas. No IO.
import { z } from 'zod';

export const spanSchema = z.object({
  member: z.int(),
  phase: z.string(),
  startMs: z.number(),
  endMs: z.number(),
});

/** What a hook did in an epoch; wall-clock times of the coordinator. */
export const hookReportSchema = z.object({
  name: z.string(),
  when: z.enum(['pre', 'post']),
  phase: z.string(),
  startMs: z.number(),
  endMs: z.number(),
  /** Why it failed. */
  problem: z.string().optional(),
});
