// `logs --follow` and `run --follow`: a gang's output until it ends.
import type { Session } from '../session.ts';
import { follow } from './follow.ts';
import { GangOutput } from './gang-output.ts';

/** @returns the gang's exit code @throws `SP_LOG_UNREADABLE`, `Interrupted`, the coordinator's errors */
export async function followToEnd(session: Session, gang: string, rank?: number): Promise<number> {
  const { io, look, json, signal } = session;
  const output = new GangOutput({
    stdout: io.stdout,
    stderr: io.stderr,
    look,
    json,
    signal,
    ...(rank === undefined ? {} : { rank }),
  });
  try {
    const ended = await follow({
      segments: () => session.persevere((client) => client.logs(gang, { signal })),
      ended: session.persevere((client) => client.wait(gang, { signal })),
      writeNew: (logs) => output.writeNew(logs),
      onIncarnation: ({ incarnation }) => {
        output.end();
        const { colors, unicode } = session.errorLook;
        const rule = (unicode ? '─' : '-').repeat(3);
        session.note(
          colors.dim(`${rule} ${gang} was restored: incarnation ${incarnation} goes on from here ${rule}`),
        );
      },
      signal,
    });
    output.end();
    const reason = ended.reason === undefined ? '' : `: ${ended.reason}`;
    session.note(session.errorLook.colors.dim(`${gang} is ${ended.state} (${ended.exitCode})${reason}`));
    return ended.exitCode;
  } finally {
    output.end();
  }
}
