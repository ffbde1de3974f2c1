import { defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

/** What takes too long for `npm test`: the ports' contract suites on real tools, all formats, more failures. Hours under emulation. */
export default defineConfig({
  test: {
    include: ['test/e2e/*.long.ts'],
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
    expect: patient,
  },
})
