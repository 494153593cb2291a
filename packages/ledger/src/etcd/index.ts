// Public face of the ledger in etcd. Apart from the ledger's own: its client takes a while to load, and not everyone needs it.
export { openEtcdElection } from './etcd-election.ts';
export { openEtcdLedger } from './etcd-ledger.ts';
export type { EtcdOptions, EtcdTls } from './options.ts';
export { setUpEtcdUsers, type EtcdUser } from './users.ts';
