export { type AdministratorsDrbd, administratorsDrbd } from './administrators-drbd.ts'
export { ensureGuest, type GuestFiles } from './guest/build-guest.ts'
export * from './guest/check-observations.ts'
export * from './guest/check-records.ts'
export {
  type GuestVerdict,
  readRegion,
  TestGuest,
  type TestGuestOptions,
} from './guest/test-guest.ts'
export * from './lab.ts'
export { type ExecOptions, type ExecResult, LabHost } from './lab-host.ts'
export { LabLink } from './lab-link.ts'
export type { DiskReport, GuestReport, Observation } from './network/guest-report.ts'
export { waitUntil } from './support/wait-until.ts'
export * from './topology.ts'
