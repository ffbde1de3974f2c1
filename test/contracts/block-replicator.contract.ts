import { blockReplicatorCases } from './block-replicator.cases.ts'
import type { BlockReplicatorFixture } from './block-replicator.fixture.ts'
import { describeContract } from './describe-contract.ts'

/** What every block replicator must do. */
export function describeBlockReplicatorContract(
  name: string,
  makeFixture: () => Promise<BlockReplicatorFixture>,
): void {
  describeContract(name, blockReplicatorCases, makeFixture)
}
