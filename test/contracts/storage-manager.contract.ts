import type { ContractCase } from './contract.ts'
import { describeContract } from './describe-contract.ts'
import { storageManagerCases } from './storage-manager.cases.ts'
import type { StorageManagerFixture } from './storage-manager.fixture.ts'

/** What every storage manager must do, local or remote, alone and as one of a pair. */
export function describeStorageManagerContract(
  name: string,
  makeFixture: () => Promise<StorageManagerFixture>,
  cases: readonly ContractCase<StorageManagerFixture>[] = storageManagerCases,
): void {
  describeContract(name, cases, makeFixture)
}
