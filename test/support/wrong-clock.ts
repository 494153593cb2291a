// Preloaded into Stillpoint's own processes: the real clock of each node is hours off, and is set back at every look.
const at = process.argv.indexOf('--index');
const hoursOff = at === -1 ? 0 : 7 * Number(process.argv[at + 1]);
const now = Date.now.bind(Date);
let looks = 0;

Date.now = () => {
  looks += 1;
  return now() + hoursOff * 3_600_000 - looks * 60_000;
};
