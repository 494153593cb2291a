// How a failed request is answered.
import { StillpointError, type NodeAnswer } from '@stillpoint/protocol';

/** A coded error keeps its code; anything else is a defect of the agent. */
export function asErrorAnswer(error: unknown): NodeAnswer {
  if (error instanceof StillpointError)
    return { kind: 'Error', code: error.code, message: error.message, remedy: error.remedy };
  return {
    kind: 'Error',
    code: 'SP_AGENT_BROKEN',
    message: `the agent broke: ${error instanceof Error ? error.message : String(error)}`,
    remedy: "Look at the agent's log; this is a defect of Stillpoint.",
  };
}
