// The demo's coded errors.
import { StillpointError } from '@stillpoint/protocol';

/** Something that the demo needs is not on this machine. Nothing was started. */
export class DemoRequirementMissing extends StillpointError {
  constructor(missing: string, remedy: string) {
    super('SP_DEMO_REQUIREMENT', `the demo can't run here: ${missing}`, { remedy });
    this.name = 'DemoRequirementMissing';
  }
}

/** Something that had to happen did not, in time or at all. Nothing is left of the demo. */
export class DemoOffScript extends StillpointError {
  constructor(what: string, remedy?: string, cause?: unknown) {
    super('SP_DEMO_OFF_SCRIPT', `the demo did not go as planned: ${what}`, {
      remedy:
        remedy ??
        'Run it again on a quieter machine, or with --keep to look at its logs; `stillpoint doctor` checks the machine.',
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'DemoOffScript';
  }
}
