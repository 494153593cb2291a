// Public face of the clock: the port, the clocks of this process, and what is made of a clock.
export { type Clock, systemClock } from './clock.ts';
export { Deadlines, every, pause, timeoutSignal } from './timers.ts';
