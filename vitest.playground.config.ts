import { defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

/** Two pools on this machine with real QEMU, no root: one file after the other, since each busies the processor. */
export default defineConfig({
  test: {
    include: ['test/playground/**/*.test.ts'],
    fileParallelism: false,
    // Tests that say so run side by side.
    maxConcurrency: 2,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    expect: patient,
  },
})
