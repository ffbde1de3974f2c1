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
  promote(reservation: Reservation, force: boolean): Command
  demote(reservation: Reservation): Command
  down(name: string): Command
  events(): Command
}

/**
 * drbdadm reads what it does from the resource file, which hides most of the differences between
 * the versions of DRBD. In the handover drbdsetup is called directly: one process.
 */
export function createDrbdCommands(mainFile: string, driverMajor: number): DrbdCommands {
  const drbdadm = (...args: string[]): Command => ['drbdadm', '-c', mainFile, ...args]
  // 8.4 has roles of minors, 9 of resources.
  const subject = ({ name, minor }: Reservation) => (driverMajor >= 9 ? name : String(minor))

  return {
    createMetadata: (name) =>
      driverMajor >= 9
        ? drbdadm('create-md', '--force', '--max-peers=1', name)
        : // Otherwise DRBD takes 4 KiB at a time until it has met its peer, and the device that is
          // stacked on it before would do so for good.
          drbdadm('--', `--peer-max-bio-size=${requestBytesMax}`, '--force', 'create-md', name),
    dumpMetadata: (name) => drbdadm('dump-md', name),
    newResource: (name) => drbdadm('new-resource', name),
    newMinor: (name) => drbdadm('new-minor', name),
    attach: (name) => drbdadm('attach', name),
    connect: (name) => (driverMajor >= 9 ? drbdadm('adjust', name) : drbdadm('connect', name)),
    disconnect: (name) => drbdadm('disconnect', name),
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
