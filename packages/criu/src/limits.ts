// Every bound of this package, by name. Units last.

export const limits = {
  /** One image that is read whole (files.img, pstree.img, …). Memory pages are never read. */
  imageBytesMax: 256 * 1024 * 1024,
  /** One protobuf entry of an image. CRIU's longest ones (big epoll sets) are a few MiB. */
  entryBytesMax: 32 * 1024 * 1024,
  /** The head of a tcp-stream image: magics, length and one entry. The queues behind it are not read. */
  streamHeadBytesMax: 4096,
  /** Images in one directory. */
  imagesMax: 1_000_000,
  /** How much of the end of a CRIU log is looked at. */
  logBytesMax: 1024 * 1024,
  /** Errors of a log that are quoted in a message. */
  quotedErrorsMax: 5,
  /** Names that a message lists before it counts the rest. */
  namesMax: 4,
  /** Content of one unlinked open file that CRIU may carry in an image; its own default is 1 MiB. */
  ghostBytesMax: 16 * 1024 * 1024 * 1024,
  /** How long CRIU may take to collect a member's tasks before it gives a dump up. */
  collectSeconds: 10,
  /** `criu --version`. */
  versionDeadlineMs: 10_000,
  /** `criu check`: it probes the kernel, over loopback too. */
  checkDeadlineMs: 30_000,
  /** What a version or check run may print. */
  outputBytesMax: 256 * 1024,
} as const;

/** The oldest CRIU whose images and options this package was checked against. */
export const criuVersionMin = { major: 4, minor: 2 } as const;
