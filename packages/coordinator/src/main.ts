// The coordinator of one state folder, as a process of its own.
import { parseArgs } from 'node:util';
import { defaultHome, openHome } from './home.ts';
import { runProcess } from './process.ts';
import { virtualPlatform } from './virtual-platform.ts';

const { values } = parseArgs({ options: { home: { type: 'string', default: defaultHome() } } });
await runProcess(async () => {
  const paths = await openHome(values.home);
  return { paths, platform: virtualPlatform(paths) };
});
