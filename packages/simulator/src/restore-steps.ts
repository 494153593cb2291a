// What the steps of a restore do on a simulated node.
import type { Stepper } from '@stillpoint/agent';
import type { MemberId, MemberRestoreResult, MemberRestoreStep, RestoreHeader } from '@stillpoint/protocol';
import type { SimulatedNode } from './node.ts';
import { stagingKey, StepFailed, takeStep } from './steps.ts';
import { copyEnds, copyProgram } from './training.ts';
import type { World } from './world.ts';

export class SimulatedRestoreSteps implements Stepper<MemberRestoreStep, MemberRestoreResult> {
  readonly #world: World;
  readonly #node: SimulatedNode;
  readonly #header: RestoreHeader;
  readonly #member: MemberId;

  constructor(world: World, node: SimulatedNode, header: RestoreHeader, member: MemberId) {
    this.#world = world;
    this.#node = node;
    this.#header = header;
    this.#member = member;
  }

  perform(step: MemberRestoreStep): Promise<MemberRestoreResult> {
    const { gang, incarnation } = this.#header;
    return takeStep(this.#world, this.#node, step.step, () => this.#do(step)).catch((error: unknown) => {
      // one that was let go and does not run ends its gang
      this.#world.watch.excuse({ gang, incarnation }, `${step.step} failed`);
      throw error;
    });
  }

  #do(step: MemberRestoreStep): MemberRestoreResult {
    const world = this.#world;
    const found = this.#node.find({ ...this.#header, member: this.#member });
    switch (step.step) {
      case 'preflight':
        return { step: 'preflight', blockers: [] };
      case 'prepare':
        this.#node.prepared.set(this.#key, world.vault.fetch(this.#header, this.#member));
        return { step: 'prepare' };
      case 'restore': {
        const image = this.#node.prepared.get(this.#key);
        if (image === undefined || found === undefined)
          throw new StepFailed('what was fetched is gone', false);
        if (found.state !== 'allocated') throw new StepFailed('its place is taken', false);
        found.training = { member: image.member, ...copyProgram(image), ends: copyEnds(image) };
        world.change(found, { state: 'running', isFrozen: true, hold: step.holdId });
        world.launched(this.#node, found);
        return { step: 'restore', holdId: step.holdId };
      }
      case 'lift':
        if (found?.state !== 'running') throw new StepFailed('the member is gone', false);
        if (found.hold === step.holdId) world.change(found, { isFrozen: false, hold: undefined });
        return { step: 'lift' };
      case 'verify':
        if (found?.state !== 'running') throw new StepFailed('the member is gone', false);
        return { step: 'verify' };
      case 'abandon':
        if (found !== undefined) world.remove(this.#node, found);
        this.#node.prepared.delete(this.#key);
        return { step: 'abandon' };
    }
  }

  get #key(): string {
    return stagingKey(this.#header.gang, this.#header.incarnation, this.#member);
  }
}
