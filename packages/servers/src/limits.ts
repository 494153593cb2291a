// Every bound of the servers that tests start.

export const serverLimits = {
  /** How long a server may take until it serves. */
  startDeadlineMs: 30_000,
  /** How often it is asked whether it does. */
  healthPollMs: 50,
  /** How long one such question may take. */
  healthAnswerMs: 2000,
  /** How long a server that was told to end gets before it is killed. */
  stopGraceMs: 5000,
  /** How often a server is started on other ports when one of them was taken meanwhile. */
  startAttemptsMax: 5,
  /** How many ports are tried to find a free one. */
  portAttemptsMax: 200,
  /** How much of a server's output is kept, in characters. */
  logCharactersMax: 256 * 1024,
  /** How long openssl may take for one certificate. */
  opensslDeadlineMs: 20_000,
} as const;
