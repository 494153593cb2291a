// A process's line in /proc/PID/stat (proc(5)). Pure.

/** USER_HZ: the kernel's unit for user space, on x86-64 whatever its own is. */
const ticksPerSecond = 100;
/** Places of utime, stime, cutime and cstime behind the command's name. */
const firstTime = 11;
const times = 4;

/** CPU time of the process and of its children that were waited for, in milliseconds. */
export function cpuMsOf(stat: string): number {
  // the command's name is in parentheses and may have any character in it
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(firstTime, firstTime + times).map(Number);
  if (ticks.length < times || ticks.some(Number.isNaN))
    throw new Error(`no times of a process are in "${stat}"`);
  return (ticks.reduce((sum, each) => sum + each, 0) * 1000) / ticksPerSecond;
}
