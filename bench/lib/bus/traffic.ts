// What has gone through a nats-server, as it says itself.
import { z } from 'zod';

export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
}

const varzSchema = z.object({
  in_msgs: z.number(),
  out_msgs: z.number(),
  in_bytes: z.number(),
  out_bytes: z.number(),
});

/** Since its start: what was sent to it, and what it delivered. */
export async function readTraffic(monitorUrl: string): Promise<Traffic> {
  const answer = await fetch(`${monitorUrl}/varz`);
  const varz = varzSchema.parse(await answer.json());
  return { messages: varz.in_msgs + varz.out_msgs, bytes: varz.in_bytes + varz.out_bytes };
}

export const trafficBetween = (before: Traffic, after: Traffic): Traffic => ({
  messages: after.messages - before.messages,
  bytes: after.bytes - before.bytes,
});
