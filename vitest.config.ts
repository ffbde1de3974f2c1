import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/*.test.ts',
      'test/{bench,contracts,fuzz,lab,simulation,xenapi}/**/*.test.ts',
    ],
    testTimeout: 30_000,
    // Few cores are the rule where this runs; more workers than cores only makes time-outs.
    maxWorkers: 2,
    // Long enough for a busy machine: what is waited for comes, or it does not.
    expect: { poll: { timeout: 20_000 } },
  },
})
