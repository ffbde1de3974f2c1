import { describeContract } from './describe-contract.ts'
import { type HypervisorFixture, hypervisorCases } from './hypervisor.cases.ts'

/** What every hypervisor driver must do; see ports/hypervisor.ts. */
export function describeHypervisorContract(
  name: string,
  makeFixture: () => Promise<HypervisorFixture>,
): void {
  describeContract(name, hypervisorCases, makeFixture)
}
