import { defineConfig } from 'vitest/config'

/** The ports' contract suites on the real tools of a running lab: an hour under emulation, so not part of `npm test`. */
export default defineConfig({
  test: {
    include: ['test/e2e/contracts.long.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
})
