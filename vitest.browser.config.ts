import { defineConfig } from 'vitest/config'

/** The web UI in a real browser, on the playground: one file after the other. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Long enough for a busy machine: what is waited for comes, or it does not.
    expect: { poll: { timeout: 20_000 } },
  },
})
