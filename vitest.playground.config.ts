import { defineConfig } from 'vitest/config'

/** Two pools on this machine with real QEMU, no root: one file after the other, since each busies the processor. */
export default defineConfig({
  test: {
    include: ['test/playground/**/*.test.ts'],
    fileParallelism: false,
    // Tests that say so run side by side.
    maxConcurrency: 2,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    // Long enough for a busy machine: what is waited for comes, or it does not.
    expect: { poll: { timeout: 20_000 } },
  },
})
