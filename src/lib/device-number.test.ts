import { expect, test } from 'vitest'
import { deviceNumber } from './device-number.ts'

test.each([
  [0xfd05, 253, 5],
  [0x10fd00, 253, 256],
  [0xfff0fdff, 253, 0xfffff],
])('%i is %i:%i', (rdev, major, minor) => {
  expect(deviceNumber(rdev)).toEqual({ major, minor })
})
