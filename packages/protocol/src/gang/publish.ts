// After the decision: half-dead connections are destroyed, a committed epoch is written to the vault. Pure.
import * as orders from './orders.ts';
import * as facts from './facts.ts';
import {
  done,
  enter,
  expired,
  failOverdue,
  gangSetup,
  goOnOverdue,
  isGood,
  knows,
  learn,
  learnFrom,
  leave,
  order,
  say,
} from './words.ts';

/** Nobody is held any more: destroy connections whose other end is gone. Best effort. */
export const settle = gangSetup.createStateConfig({
  initial: 'survey',
  entry: say((known) => [orders.setDeadline(known, 'settle')]),
  exit: leave('settle'),
  on: { DeadlineExpired: goOnOverdue('settle', 'settled') },
  states: {
    survey: {
      entry: order('settle', orders.surveyOrder(1), 'Surveyed'),
      always: [
        {
          guard: knows((known) => facts.allReached(known, 'Surveyed') && orders.looksLonely(known)),
          target: 'gap',
        },
        { guard: done('Surveyed'), target: '#settled' },
      ],
    },
    gap: {
      entry: say((known) => [orders.setDeadline(known, 'surveyGap')]),
      exit: leave('surveyGap'),
      on: { DeadlineExpired: { guard: expired('surveyGap'), target: 'resurvey' } },
    },
    resurvey: {
      entry: order('settle', orders.surveyOrder(2), 'Resurveyed'),
      always: { guard: done('Resurveyed'), target: 'judge' },
    },
    judge: {
      entry: learn(orders.foldHalfDead),
      always: [
        { guard: knows(({ halfDead }) => halfDead.length > 0), target: 'destroy' },
        { target: '#settled' },
      ],
    },
    destroy: {
      entry: [say(orders.recordHalfDead), ...order('settle', orders.settleOrder, 'Settled')],
      always: { guard: done('Settled'), target: '#settled' },
    },
  },
});

/** Committed, and in staging only. A member of a lost node can never be persisted. */
export const persist = gangSetup.createStateConfig({
  entry: enter('persist', ({ persistId }) => ({ kind: 'Persist', persistId }), 'Persisted'),
  exit: leave('persist'),
  on: { DeadlineExpired: failOverdue('persist') },
  always: [
    { guard: knows((known) => !isGood(known) || facts.isStagingLost(known)), target: 'unpublished' },
    { guard: done('Persisted'), target: 'manifest' },
  ],
});

/** All images are in the vault; its manifest makes them an epoch. */
export const manifest = gangSetup.createStateConfig({
  entry: [
    learn((known) => ({ ...known, phase: 'manifest', manifestAttempts: known.manifestAttempts + 1 })),
    say((known) => [orders.setDeadline(known, 'manifest'), orders.writeManifest(known)]),
  ],
  exit: leave('manifest'),
  on: {
    ManifestWritten: { target: 'afterManifest' },
    ManifestFailed: {
      actions: learnFrom('ManifestFailed', (known, { reason }) => ({
        ...known,
        manifestFailure: reason,
      })),
      target: 'manifestFailed',
    },
    DeadlineExpired: {
      guard: expired('manifest'),
      actions: learn((known) => ({ ...known, manifestFailure: 'no answer in time' })),
      target: 'manifestFailed',
    },
  },
});

/** Until the next attempt, of which there are a few; a late success counts. */
export const manifestFailed = gangSetup.createStateConfig({
  always: {
    guard: knows(({ manifestAttempts, limits }) => manifestAttempts >= limits.manifestAttemptsMax),
    target: 'unpublished',
  },
  on: { ManifestWritten: { target: 'afterManifest' }, Tick: { target: 'manifest' } },
});

/** Published: staging may go. */
export const forget = gangSetup.createStateConfig({
  entry: [
    say(() => [orders.record({ kind: 'Published' })]),
    ...enter('forget', () => ({ kind: 'Forget' }), 'Forgotten'),
  ],
  exit: leave('forget'),
  on: { DeadlineExpired: goOnOverdue('forget', 'published') },
  always: { guard: done('Forgotten'), target: 'published' },
});

/** Committed, and not to be published: stopped members stay in staging if their images are all there. */
export const unpublished = gangSetup.createStateConfig({
  entry: learn(orders.foldUnpublished),
  always: [
    {
      guard: knows((known) => known.outcome === 'stop' && !facts.isStagingLost(known)),
      target: 'committed-stopped',
    },
    { actions: say((known) => orders.sendToAll(known, { kind: 'Forget' })), target: 'lost' },
  ],
});
