import { type BlockMapperFixture, blockMapperCases } from './block-mapper.cases.ts'
import { describeContract } from './describe-contract.ts'

/** What every block mapper must do. */
export function describeBlockMapperContract(
  name: string,
  makeFixture: () => Promise<BlockMapperFixture>,
): void {
  describeContract(name, blockMapperCases, makeFixture)
}
