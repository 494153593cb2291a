// Golden traces: a script of events, and under each the whole of what the machine did. Pure; the test reads,
// compares and, when told so, rewrites the files.

/** One event of a script, the line that describes it, and the comments above it. */
interface Entry {
  readonly comments: readonly string[];
  readonly line: string;
}

/** A machine that a script drives: performs one line, and answers with what happened. */
export type Performer = (words: readonly string[]) => readonly string[];

const separator = '----';

/** Entries are paragraphs: comments, the event, a separator, and the old trace, which is not read. */
function parse(text: string): Entry[] {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim().split('\n'));
  return paragraphs.flatMap((lines) => {
    const end = lines.indexOf(separator);
    const head = end < 0 ? lines : lines.slice(0, end);
    const comments = head.filter((line) => line.startsWith('#'));
    const events = head.filter((line) => !line.startsWith('#') && line !== '');
    if (events.length === 0) return comments.length === 0 ? [] : [{ comments, line: '' }];
    return events.map((line, index) => ({ comments: index === 0 ? comments : [], line }));
  });
}

/** Runs a script and returns it with its true trace. Several events above one separator get one each. */
export function runScript(text: string, perform: Performer): string {
  const paragraphs = parse(text).map(({ comments, line }) => {
    if (line === '') return comments.join('\n');
    return [...comments, line, separator, ...perform(line.split(/\s+/))].join('\n');
  });
  return `${paragraphs.join('\n\n')}\n`;
}

/** A plain value on one line, as short as it can be read: `{a: 1, b: [x, y]}`. */
export function compact(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(compact).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${key}: ${compact(inner)}`)
      .join(', ')}}`;
  }
  return String(value);
}
