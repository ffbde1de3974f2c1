import { expect, it } from 'vitest'
import { MiB } from '../../lib/units.ts'
import { defaultOptions } from './options.ts'
import { rateOptions } from './rate-options.ts'

const usual = { 'resync-rate': '100M', 'c-max-rate': '4G', 'c-min-rate': '20M' }

it('bounds each rate of the controller by the limit', () => {
  expect(rateOptions(defaultOptions.disk, null)).toEqual(usual)
  const fast = { 'resync-rate': '100M', 'c-max-rate': '204800k', 'c-min-rate': '20M' }
  expect(rateOptions(defaultOptions.disk, 200 * MiB)).toEqual(fast)
  const slow = { 'resync-rate': '5120k', 'c-max-rate': '5120k', 'c-min-rate': '5120k' }
  expect(rateOptions(defaultOptions.disk, 5 * MiB)).toEqual(slow)
})
