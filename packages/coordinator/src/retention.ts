// Which published epochs a gang keeps. Pure.

/**
 * The epochs to remove so that at most `keep` are left, oldest first. One that is in use stays, and counts among
 * those that are kept.
 *
 * @param published in any order
 * @param inUse epochs that are being restored, verified, or built on
 */
export function epochsToRemove(
  published: readonly number[],
  keep: number,
  inUse: ReadonlySet<number>,
): number[] {
  const oldestFirst = published.toSorted((a, b) => a - b);
  const surplus = Math.max(0, oldestFirst.length - keep);
  return oldestFirst
    .slice(0, Math.max(0, oldestFirst.length - 1))
    .filter((epoch) => !inUse.has(epoch))
    .slice(0, surplus);
}
