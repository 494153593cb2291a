// The agent's log, as its parts see it.
import type { Logger } from 'pino';

export type AgentLog = Pick<Logger, 'info' | 'warn' | 'error'>;
