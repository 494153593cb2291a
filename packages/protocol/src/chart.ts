// How the charts of the protocol use xstate: purely. A chart does two things: it learns (a new context) and it says
// (effects as data). Nothing else of xstate's actions, actors or timers is used.
import {
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type SnapshotFrom,
  type StateValue,
} from 'xstate';
import { invariant, type Step } from './step.ts';

interface Kinded {
  readonly kind: string;
}
type Of<Event extends Kinded, Kind extends Event['kind']> = Extract<Event, { readonly kind: Kind }>;

/** A chart's event: ours, which are told apart by `kind`, under the name that xstate reads. */
export type ChartEvent<Event extends Kinded> = {
  readonly [Kind in Event['kind']]: { readonly type: Kind; readonly event: Of<Event, Kind> };
}[Event['kind']];

export const toChartEvent = <Event extends Kinded>(event: Event): ChartEvent<Event> =>
  ({ type: event.kind, event }) as unknown as ChartEvent<Event>;

/** A machine at rest: the active state and what is known. JSON; a driver may keep it and go on from it. */
export interface ChartState<Context> {
  /** Name of the active state; for a nested one `{outer: 'inner'}`. */
  readonly value: StateValue;
  readonly context: Context;
}

/** What an action or a guard sees. */
export interface Moment<Context, Event extends Kinded> {
  readonly context: Context;
  readonly event: ChartEvent<Event>;
}

/** The words in which a chart over `Context`, `Event` and `Effect` is written. */
export function chartWords<Context, Event extends Kinded, Effect>() {
  type Here = Moment<Context, Event>;
  const read = <Kind extends Event['kind']>(kind: Kind, { event }: Here): Of<Event, Kind> => {
    invariant(event.type === kind, `${event.type} is handled as ${kind}`);
    return event.event as unknown as Of<Event, Kind>;
  };
  return {
    say: (effects: (known: Context) => readonly Effect[]) =>
      ({ type: 'say', params: ({ context }: Here) => ({ effects: effects(context) }) }) as const,
    learn: (fold: (known: Context) => Context) =>
      ({ type: 'learn', params: ({ context }: Here) => ({ known: fold(context) }) }) as const,
    /** For the handler of one kind of event: `say` and `learn` from what it brings. */
    sayFrom: <Kind extends Event['kind']>(
      kind: Kind,
      effects: (known: Context, event: Of<Event, Kind>) => readonly Effect[],
    ) =>
      ({
        type: 'say',
        params: (here: Here) => ({ effects: effects(here.context, read(kind, here)) }),
      }) as const,
    learnFrom: <Kind extends Event['kind']>(
      kind: Kind,
      fold: (known: Context, event: Of<Event, Kind>) => Context,
    ) =>
      ({ type: 'learn', params: (here: Here) => ({ known: fold(here.context, read(kind, here)) }) }) as const,
    knows:
      (fits: (known: Context) => boolean) =>
      ({ context }: Here): boolean =>
        fits(context),
    /** Guards the handler of one kind of event by what it brings. */
    brings:
      <Kind extends Event['kind']>(kind: Kind, fits: (event: Of<Event, Kind>, known: Context) => boolean) =>
      (here: Here): boolean =>
        fits(read(kind, here), here.context),
  };
}

/** An action as xstate's pure `transition` hands it back: named, its parameters worked out. */
interface ResolvedAction {
  readonly type: string;
  readonly params: unknown;
}

/**
 * A chart's pure transition. xstate's own makes an actor for every event, which works out where the chart would begin, and
 * that costs more than the transition: here it is made once. Charts start no actors, so nothing is left in it.
 */
export function transitionOf<Chart extends AnyStateMachine>(
  chart: Chart,
): (snapshot: SnapshotFrom<Chart>, event: EventFromLogic<Chart>) => [SnapshotFrom<Chart>, ResolvedAction[]] {
  const self = createActor(chart);
  const nothing = (): void => undefined;
  const common = { self, system: self.system, id: '', sessionId: '', logger: nothing, defer: nothing };
  return (snapshot, event) => {
    const actions: ResolvedAction[] = [];
    const scope = {
      ...common,
      stopChild: nothing,
      emit: nothing,
      actionExecutor: (action: ResolvedAction) => void actions.push(action),
    };
    const next = chart.transition(snapshot as never, event, scope as never);
    return [next as SnapshotFrom<Chart>, actions];
  };
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

interface PersistAction {
  readonly kind: 'Persist';
}
/** The effects of a machine whose state is kept: `Persist` has the state that the whole step leads to. */
type Recorded<State, Action> =
  Exclude<Action, PersistAction> | { readonly kind: 'Persist'; readonly record: State };

/** Fills `Persist` in. Once is enough, where it is first due: a step leads to one state. */
export function withRecords<State, Action extends Kinded>({
  state,
  effects,
}: Step<State, Action>): Step<State, Recorded<State, Action>> {
  const first = effects.findIndex(({ kind }) => kind === 'Persist');
  const recorded = effects.flatMap((effect, index): Recorded<State, Action>[] => {
    if (effect.kind !== 'Persist') return [effect as Exclude<Action, PersistAction>];
    return index === first ? [{ kind: 'Persist', record: state }] : [];
  });
  return { state, effects: recorded };
}
