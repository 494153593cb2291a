// The gang that cells happen to: one after the other, since each comes to its end, where it is compared with a run that nothing
// happened to.
import type { TestCluster } from '../support/cluster.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '4000'] as const;
const pace = ['--rate-mb', '2'] as const;
/** Of 125 steps: there is always time for one more cell. */
const lastStep = 80;

export class MatrixGang {
  readonly name = 'gang';
  /** How many came to a good end. */
  finished = 0;
  readonly #cluster: TestCluster;
  #isThere = false;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** There is one that runs for a while yet. */
  async ready(): Promise<void> {
    if (this.#isThere && (await (await this.#cluster.gang(this.name)).step()) > lastStep) await this.finish();
    if (this.#isThere) return;
    const gang = await this.#cluster.run(this.name, mesh, pace);
    await gang.untilStep(1);
    this.#isThere = true;
  }

  /** Every message has arrived once, in order; then the gang is forgotten. */
  async finish(): Promise<void> {
    const gang = await this.#cluster.gang(this.name);
    await gang.finish(300_000);
    await gang.expectSameAs(await referenceOf({ members: 3, command: mesh, gang: this.name }));
    await this.#cluster.ok('rm', this.name);
    this.#isThere = false;
    this.finished += 1;
  }
}
