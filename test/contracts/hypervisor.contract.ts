import { compressing, decompressing } from '../../src/lib/compressed-stream.ts'
import { describeContract } from './describe-contract.ts'
import { type HypervisorFixture, hypervisorCases } from './hypervisor.cases.ts'

/** What every hypervisor driver must do; see ports/hypervisor.ts. */
export function describeHypervisorContract(
  name: string,
  makeFixture: () => Promise<HypervisorFixture>,
): void {
  describeContract(name, hypervisorCases, makeFixture)
}

/**
 * The same where what it sends crosses compressed, of which it knows nothing. Not for real guests: what they send
 * becomes so little that a migration may be over before it is interrupted.
 */
export function describeCompressedHypervisorContract(
  name: string,
  makeFixture: () => Promise<HypervisorFixture>,
): void {
  describeHypervisorContract(`${name}, compressed`, async () => {
    const fixture = await makeFixture()
    return {
      ...fixture,
      async connect() {
        const { source, destination } = await fixture.connect()
        return { source: compressing(source).stream, destination: decompressing(destination) }
      },
    }
  })
}
