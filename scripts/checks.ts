import type { Check } from './run-checks.ts'

/** What needs neither root nor the lab. */
export const checksWithoutLab: readonly Check[] = [
  { name: 'types', command: ['npx', 'tsc', '-p', '.'] },
  { name: 'types of the web UI', command: ['npx', 'tsc', '-p', 'src/ui'] },
  { name: 'lint and format', command: ['npx', 'biome', 'check', '.'] },
  { name: 'unused code', command: ['npx', 'knip'] },
  { name: 'tests', command: ['npx', 'vitest', 'run'], isTestRun: true },
]

/** Asks the registry. */
export const audit: Check = {
  name: 'known weaknesses of packages',
  command: ['npx', 'tsx', 'scripts/audit.ts'],
  mayGoUnanswered: true,
}

/** Two pools on this machine with real QEMU. Needs its Debian packages, and no root. */
export const checksOnPlayground: readonly Check[] = [
  {
    name: 'tests on the playground',
    command: ['npx', 'vitest', 'run', '--config', 'vitest.playground.config.ts'],
    isTestRun: true,
  },
]
