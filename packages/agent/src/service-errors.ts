// Coded errors of what it takes to run a service: its configuration, and where it listens.
import { StillpointError } from '@stillpoint/protocol';

export class ConfigUnreadable extends StillpointError {
  constructor(path: string, cause: Error) {
    super('SP_CONFIG_UNREADABLE', `the configuration ${path} can't be read: ${cause.message}`, {
      remedy: 'Name the file with --config FILE; docs/operations.md has an example.',
      cause,
    });
    this.name = 'ConfigUnreadable';
  }
}

export class ConfigInvalid extends StillpointError {
  /** @param problems one a field that is wrong, or missing */
  constructor(origin: string, problems: readonly string[]) {
    super('SP_CONFIG_INVALID', `the configuration in ${origin} is not right: ${problems.join('; ')}`, {
      remedy: 'Correct these fields; docs/operations.md lists all of them. Nothing was started.',
    });
    this.name = 'ConfigInvalid';
  }
}

/** Another process serves health and metrics there, or the address is none of this machine's. */
export class ListenFailed extends StillpointError {
  constructor(address: string, cause: Error) {
    super('SP_LISTEN_FAILED', `health and metrics can't be served on ${address}: ${cause.message}`, {
      remedy: 'Name another address with --listen HOST:PORT.',
      cause,
    });
    this.name = 'ListenFailed';
  }
}

/** Somebody serves this already on this machine. */
export class ServiceRunning extends StillpointError {
  constructor(what: string) {
    super('SP_SERVICE_RUNNING', `${what} is served by another process of this machine`, {
      remedy: 'End that one first; with systemd: `systemctl stop` its unit.',
    });
    this.name = 'ServiceRunning';
  }
}

/** Services on NATS and etcd have nothing of what a state folder of one machine knows. */
export class HomeIsLocal extends StillpointError {
  constructor(home: string) {
    super(
      'SP_HOME_IS_LOCAL',
      `the state folder ${home} has a ledger of its own: it was used without services`,
      {
        remedy: 'Give the services another one with `home` in their configuration; nothing was started.',
      },
    );
    this.name = 'HomeIsLocal';
  }
}
