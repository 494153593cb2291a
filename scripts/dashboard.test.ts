// The dashboard in deploy/grafana asks only for metrics and labels that a coordinator or an agent shows.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AgentMetrics } from '@stillpoint/agent/assembly';
import { CoordinatorMetrics } from '@stillpoint/coordinator/assembly';
import { expect, test } from 'vitest';
import { z } from 'zod';

const file = path.join(path.dirname(import.meta.dirname), 'deploy/grafana/stillpoint.json');
const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string(),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ expr: z.string() })).optional(),
    }),
  ),
});
const { panels } = dashboardSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
const queries = panels.flatMap(({ title, targets }) =>
  (targets ?? []).map(({ expr }) => [title, expr] as const),
);

/** Every name that a query may ask for: of a histogram there are three. */
async function exposedNames(): Promise<Set<string>> {
  const coordinator = new CoordinatorMetrics();
  coordinator.addProcess();
  const agent = new AgentMetrics();
  agent.show({
    members: () => Promise.resolve([]),
    staging: () => Promise.resolve({ usedBytes: 0, freeBytes: 0 }),
    inDoubt: () => 0,
  });
  const text = `${await coordinator.text()}\n${await agent.text()}`;
  const types = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const namesIn = (expr: string): string[] => expr.match(/\b(?:stillpoint|process|nodejs)_\w+/g) ?? [];

test('every panel asks for metrics, and each of them exists', async () => {
  const exposed = await exposedNames();
  expect(queries.length).toBeGreaterThan(20);
  const wrong = queries.filter(([, expr]) => {
    const names = namesIn(expr);
    return names.length === 0 || names.some((name) => !exposed.has(name));
  });
  expect(wrong).toEqual([]);
});

test('every metric of ours has a panel', async () => {
  const base = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');
  const asked = new Set(queries.flatMap(([, expr]) => namesIn(expr).map(base)));
  const ours = [...(await exposedNames())].filter((name) => name.startsWith('stillpoint_')).map(base);
  expect(ours.filter((name) => !asked.has(name))).toEqual([]);
});

test('panels have ids of their own and do not overlap', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => ({ column: x + (cell % w), line: y + Math.floor(cell / w) })),
  );
  expect(Math.max(...cells.map(({ column }) => column))).toBeLessThan(24);
  expect(new Set(cells.map(({ column, line }) => `${column} ${line}`)).size).toBe(cells.length);
});
