// Does to a target what a cell wants, and takes it back.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@stillpoint/servers';
import type { Service, TestCluster } from '../support/cluster.ts';
import { findCriu } from '../support/criu.ts';
import { findCgroups } from '../support/remains.ts';
import type { Cell, Fault } from './cells.ts';

/** Takes it back: what was killed runs again, what stood still goes on, what was cut is joined. */
export type Heal = () => Promise<void>;

/** The node whose agent, member or CRIU fails. */
const victim = 'n2';
const criuWaitMs = 3_000;

/** @param leader the coordinator that leads when the cell begins @returns undefined when there was nothing to do it to */
export async function inject(
  cluster: TestCluster,
  leader: Service,
  { target, fault }: Cell,
): Promise<Heal | undefined> {
  const standby = cluster.coordinators.find((each) => each !== leader) ?? leader;
  switch (target) {
    case 'leader':
      return injectService(leader, fault);
    case 'standby':
      return injectService(standby, fault);
    case 'agent':
      return injectService(cluster.agent(victim), fault);
    case 'nats-server':
      return injectNats(cluster, fault);
    case 'etcd leader':
      return injectEtcd(cluster, [await cluster.etcd.leader()], fault);
    case 'etcd quorum':
      return injectEtcd(cluster, cluster.etcd.members.slice(0, 2), fault);
    case 'CRIU':
      return injectCriu(cluster, fault);
    case 'member':
      return injectMember(cluster, fault);
  }
}

async function injectService(service: Service, fault: Fault): Promise<Heal> {
  if (fault === 'cut') {
    service.cut();
    return () => Promise.resolve(service.heal());
  }
  return injectServer(service.process, fault);
}

async function injectServer(
  server: Pick<Server, 'kill' | 'pause' | 'resume' | 'restart'>,
  fault: Fault,
): Promise<Heal> {
  if (fault === 'kill') {
    await server.kill();
    return () => server.restart();
  }
  server.pause();
  return () => Promise.resolve(server.resume());
}

async function injectNats({ nats, coordinators, agents }: TestCluster, fault: Fault): Promise<Heal> {
  if (fault !== 'cut') return injectServer(nats, fault);
  const services = [...coordinators, ...agents];
  for (const service of services) service.cut('nats');
  return () => {
    for (const service of services) service.heal();
    return Promise.resolve();
  };
}

async function injectEtcd(
  { etcd }: TestCluster,
  members: TestCluster['etcd']['members'],
  fault: Fault,
): Promise<Heal> {
  if (fault === 'cut') {
    for (const member of members) etcd.isolate(member);
    return () => Promise.resolve(etcd.heal());
  }
  const healings: Heal[] = [];
  for (const member of members) healings.push(await injectServer(member, fault));
  return async () => {
    // a majority serves again only once all of them have begun
    await Promise.all(healings.map((heal) => heal()));
  };
}

/** CRIU starts a moment after the phase has begun, and may be through by then. */
async function injectCriu({ paths }: TestCluster, fault: Fault): Promise<Heal | undefined> {
  const end = performance.now() + criuWaitMs;
  let pids: number[] = [];
  while (pids.length === 0 && performance.now() < end) {
    pids = findCriu(paths.runtime, 'real');
    if (pids.length === 0) await delay(1);
  }
  return signalAll(pids, fault);
}

async function injectMember({ paths }: TestCluster, fault: Fault): Promise<Heal | undefined> {
  const fabric = `sp-${paths.tag}-fabric`;
  if (fault === 'cut') {
    const port = `n${Number(victim.slice(1))}`;
    execFileSync('ip', ['-n', fabric, 'link', 'set', port, 'down']);
    return () => Promise.resolve(void execFileSync('ip', ['-n', fabric, 'link', 'set', port, 'up']));
  }
  const pids = findCgroups(paths.tag)
    .filter((folder) => folder.includes(`/${victim}-`))
    .flatMap((folder) => readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n'))
    .filter(Boolean)
    .map(Number);
  return signalAll([...new Set(pids)], fault);
}

function signalAll(pids: readonly number[], fault: Fault): Promise<Heal | undefined> {
  const signal = (name: NodeJS.Signals): number[] =>
    pids.filter((pid) => {
      try {
        return process.kill(pid, name);
      } catch {
        return false; // it has ended by itself
      }
    });
  const hit = signal(fault === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  if (hit.length === 0) return Promise.resolve(undefined);
  return Promise.resolve(() => {
    if (fault === 'pause') signal('SIGCONT');
    return Promise.resolve();
  });
}
