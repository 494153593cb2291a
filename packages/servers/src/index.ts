// Public face: real servers for tests and benches, on loopback, which never outlive whoever started them.
export { makeAuthority, type Authority, type Identity } from './certificates.ts';
export { startEtcd, type EtcdOptions, type EtcdServer, type EtcdTls } from './etcd.ts';
export { startEtcdCluster, type EtcdCluster, type EtcdClusterOptions } from './etcd-cluster.ts';
export { startNatsServer, type NatsServer, type NatsServerOptions, type NatsTls } from './nats.ts';
export { openGate, type Gate } from './peer-proxy.ts';
export { answersOk, ServerProcess, type Server } from './server.ts';
