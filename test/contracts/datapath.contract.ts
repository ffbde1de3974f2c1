import { datapathCases } from './datapath.cases.ts'
import type { DatapathFixture } from './datapath.fixture.ts'
import { describeContract } from './describe-contract.ts'

/** What every datapath with a mirror must do. */
export function describeDatapathContract(
  name: string,
  makeFixture: () => Promise<DatapathFixture>,
): void {
  describeContract(name, datapathCases, makeFixture)
}
