import type { Check } from './run-checks.ts'

/** What needs neither root nor the lab. */
export const checksWithoutLab: readonly Check[] = [
  { name: 'types', command: ['npx', 'tsc', '-p', '.'] },
  { name: 'lint and format', command: ['npx', 'biome', 'check', '.'] },
  { name: 'unused code', command: ['npx', 'knip'] },
  { name: 'tests', command: ['npx', 'vitest', 'run'], isTestRun: true },
]
