import { defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/*.test.ts',
      'test/{bench,contracts,fuzz,lab,simulation,xenapi}/**/*.test.ts',
    ],
    testTimeout: 30_000,
    // Two cores are the rule where this runs, and some files do little but wait. More would only make time-outs.
    maxWorkers: 3,
    expect: patient,
  },
})
