import { describe, it } from 'vitest'
import type { ContractCase, Disposable } from './contract.ts'

/** Runs each case as a test of its own, with a fixture of its own. */
export function describeContract<Fixture extends Disposable>(
  name: string,
  cases: readonly ContractCase<Fixture>[],
  makeFixture: () => Promise<Fixture>,
): void {
  describe(name, () => {
    for (const one of cases) {
      it(one.name, async (context) => {
        const fixture = await makeFixture()
        try {
          if (one.isFor && !one.isFor(fixture)) context.skip()
          await one.run(fixture)
        } finally {
          await fixture.dispose()
        }
      })
    }
  })
}
