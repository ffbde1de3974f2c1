import { describeContract } from './describe-contract.ts'
import { type VolumeStoreFixture, volumeStoreCases } from './volume-store.cases.ts'

/** What every volume store must do. */
export function describeVolumeStoreContract(
  name: string,
  makeFixture: () => Promise<VolumeStoreFixture>,
): void {
  describeContract(name, volumeStoreCases, makeFixture)
}
