// Role: the exact solver of mixed-integer programmes (HiGHS), as the tests and benchmarks load it.
import { createRequire } from 'node:module';

/** Its types are those of the CommonJS build, so that is the one to load. */
const highsModule = createRequire(import.meta.url)('highs') as typeof import('highs');

export const loadHighs = (): ReturnType<typeof highsModule.default> => highsModule.default();
