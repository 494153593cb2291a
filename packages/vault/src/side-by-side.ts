// Work on several things at once without losing their order or holding many of them.

/** The results of `work` in the order of `items`, with at most `width` at work or waiting to be taken. */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      result.catch(() => {}); // heard of when its turn comes
      begun.push(result);
      const oldest = begun.length > width ? begun.shift() : undefined;
      if (oldest !== undefined) yield await oldest;
    }
    for (let next = begun.shift(); next !== undefined; next = begun.shift()) yield await next;
  } finally {
    await Promise.allSettled(begun); // nothing goes on once the caller has turned away
  }
}
