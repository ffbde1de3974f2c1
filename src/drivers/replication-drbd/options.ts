/** Options of DRBD by section, as they stand in a resource file. */
export interface ReplicationOptions {
  readonly net: OptionSection
  readonly disk: OptionSection
}

export type OptionSection = Readonly<Record<string, string | number>>

export const verifyAlgorithm = 'sha256'

/**
 * What a live migration needs, and why. Times are in tenths of a second except for ping-int and
 * connect-int, which are in seconds.
 */
export const defaultOptions: ReplicationOptions = {
  net: {
    // A write is acknowledged when it is on both sides: nothing is lost at the handover.
    protocol: 'C',
    'cram-hmac-alg': 'sha256',
    // By which the two sides are compared when that is asked for; DRBD does nothing with it otherwise.
    'verify-alg': verifyAlgorithm,
    'allow-two-primaries': 'no',
    // Two histories of one disk are for a person to judge.
    'after-sb-0pri': 'disconnect',
    'after-sb-1pri': 'disconnect',
    'after-sb-2pri': 'disconnect',
    // A dead peer is noticed after ping-int + ping-timeout, one that no longer writes after
    // ko-count * timeout. For so long the guest's I/O may wait; then it goes on without the peer.
    timeout: 25,
    'ping-int': 3,
    'ping-timeout': 20,
    'ko-count': 2,
    'connect-int': 3,
    // 0: the kernel sizes the buffers to the link.
    'sndbuf-size': 0,
    'rcvbuf-size': 0,
    'max-buffers': '36k',
    'max-epoch-size': '18k',
  },
  disk: {
    // A broken disk at the source is no error for the guest as long as the other side is up to date.
    'on-io-error': 'detach',
    // The default of 8.4 is a few hundred KiB/s. Begin fast, then let the controller keep
    // c-fill-target on its way, up to c-max-rate while the guest leaves the disk alone and not below
    // c-min-rate while it does not.
    'resync-rate': '100M',
    'c-plan-ahead': 10,
    'c-fill-target': '16M',
    'c-max-rate': '4G',
    'c-min-rate': '20M',
    // What reads as zeroes at the source is not sent; the target makes it zeroes by itself. See
    // docs/designs/0007-sparse-synchronisation.md.
    'rs-discard-granularity': '64k',
  },
}

/** Options on top of others; an option of an earlier section is replaced. */
export function mergeOptions(
  base: ReplicationOptions,
  changes: Partial<ReplicationOptions>,
): ReplicationOptions {
  return {
    net: { ...base.net, ...changes.net },
    disk: { ...base.disk, ...changes.disk },
  }
}
