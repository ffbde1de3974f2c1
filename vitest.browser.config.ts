import { defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

/** The web UI in a real browser, on the playground: one file after the other. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: patient,
  },
})
