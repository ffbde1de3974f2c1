import { defineConfig } from 'vitest/config'

/** The Debian packages: made, judged, and installed in a Debian 13. */
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})
