// Every deliberate error is found within a bounded number of simulated worlds, also those that take some thousand.
import { mutations } from '@stillpoint/simulator';
import { test } from 'vitest';
import { expectFound, isFoundSoon } from './simulate.ts';

test.each(mutations.filter((each) => !isFoundSoon(each)))('$name: $what', expectFound);
