import type { RateOptions } from './rate-options.ts'
import type { Reservation } from './reservations.ts'

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]]

/** The largest request that both sides take, from the first table on: see createMetadata. */
const requestBytesMax = 1024 * 1024

export interface DrbdCommands {
  /** Makes metadata over whatever is there. */
  createMetadata(name: string): Command
  /** Ends with 0 when there is metadata, or says that it is unclean. */
  dumpMetadata(name: string): Command
  newResource(name: string): Command
  newMinor(name: string): Command
  attach(name: string): Command
  connect(name: string): Command
  disconnect(name: string): Command
  /** From the start of the disk, wherever another one ended. */
  verify(name: string): Command
  limit(reservation: Reservation, options: RateOptions): Command
  promote(reservation: Reservation, force: boolean): Command
  demote(reservation: Reservation): Command
  down(name: string): Command
  events(): Command
}

/**
 * drbdadm reads what it does from the resource file, which hides most of the differences between
 * the versions of DRBD. In the handover drbdsetup is called directly: one process.
 */
export function createDrbdCommands(
  pathOf: (name: string) => string,
  driverMajor: number,
): DrbdCommands {
  const drbdadm = (name: string, ...args: string[]): Command => [
    ...(['drbdadm', '-c', pathOf(name)] as const),
    ...[...args, name],
  ]
  // 8.4 has roles of minors, 9 of resources.
  const subject = ({ name, minor }: Reservation) => (driverMajor >= 9 ? name : String(minor))

  return {
    createMetadata: (name) =>
      driverMajor >= 9
        ? drbdadm(name, 'create-md', '--force', '--max-peers=1')
        : // Otherwise DRBD takes 4 KiB at a time until it has met its peer, and the device that is
          // stacked on it before would do so for good.
          drbdadm(name, '--', `--peer-max-bio-size=${requestBytesMax}`, '--force', 'create-md'),
    dumpMetadata: (name) => drbdadm(name, 'dump-md'),
    newResource: (name) => drbdadm(name, 'new-resource'),
    newMinor: (name) => drbdadm(name, 'new-minor'),
    attach: (name) => drbdadm(name, 'attach'),
    connect: (name) => (driverMajor >= 9 ? drbdadm(name, 'adjust') : drbdadm(name, 'connect')),
    disconnect: (name) => drbdadm(name, 'disconnect'),
    verify: (name) => drbdadm(name, '--', '--start=0', 'verify'),
    // The running rates alone; the resource file keeps what is usual.
    limit({ name, minor }, options) {
      const settings = Object.entries(options).map(([key, value]) => `--${key}=${value}`)
      return driverMajor >= 9
        ? drbdadm(name, '--', ...settings, 'peer-device-options')
        : ['drbdsetup', 'disk-options', String(minor), ...settings]
    },
    promote: (reservation, force) => [
      'drbdsetup',
      'primary',
      subject(reservation),
      ...(force ? ['--force'] : []),
    ],
    demote: (reservation) => ['drbdsetup', 'secondary', subject(reservation)],
    down: (name) => ['drbdsetup', 'down', name],
    events: () => ['drbdsetup', 'events2', 'all', '--statistics'],
  }
}
