// How the charts of the protocol use xstate: purely. A chart says two things: `learn`, a new context, and `say`,
// effects as data. Nothing else of xstate's actions, actors or timers is used.
import type { StateValue } from 'xstate';
import type { Step } from './step.ts';

/** A chart's event: ours, which are told apart by `kind`, under the name that xstate reads. */
export type ChartEvent<Event extends { readonly kind: string }> = {
  readonly [Kind in Event['kind']]: { readonly type: Kind } & Extract<Event, { readonly kind: Kind }>;
}[Event['kind']];

export const toChartEvent = <Event extends { readonly kind: string }>(event: Event): ChartEvent<Event> =>
  ({ ...event, type: event.kind }) as unknown as ChartEvent<Event>;

/** A machine at rest: the active state and what is known. JSON; a driver may keep it and go on from it. */
export interface ChartState<Context> {
  /** Name of the active state; for a nested one `{outer: 'inner'}`. */
  readonly value: StateValue;
  readonly context: Context;
}

/** An action as xstate's pure `transition` hands it back: named, its parameters worked out. */
interface ResolvedAction {
  readonly type: string;
  readonly params: unknown;
}

/** Turns what xstate's pure functions return into a step: only `say` has anything to be done. */
export function toStep<Context, Effect>([snapshot, actions]: readonly [
  ChartState<Context>,
  readonly ResolvedAction[],
]): Step<ChartState<Context>, Effect> {
  const effects = actions.flatMap(({ type, params }) =>
    type === 'say' ? (params as { readonly effects: readonly Effect[] }).effects : [],
  );
  return { state: { value: snapshot.value, context: snapshot.context }, effects };
}
