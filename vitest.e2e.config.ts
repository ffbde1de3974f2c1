import { defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

/** Tests on real hosts: one file after the other, since they share the hosts. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    fileParallelism: false,
    // Well above what the longest takes on two emulating cores.
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
    bail: 0,
    expect: patient,
  },
})
