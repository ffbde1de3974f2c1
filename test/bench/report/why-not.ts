/** Why a goal is missed, as far as it is known. The first entry whose pattern fits counts. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /qemu\.crosspool\.syncThroughput/,
    'a byte goes through two more processes and a TLS session on its way than in the others, on the same few CPUs.',
  ],
  [
    /xen\.crosspool\.syncThroughput/,
    'DRBD copies through WireGuard, which an emulated CPU encrypts in software on both hosts; the raw copy is not encrypted. To make the disk, the device and the tunnel, with a process for each, is in it too.',
  ],
  [
    /xen\.crosspool\.bytesSent/,
    'what the guest writes while the disk is copied is sent as well, and in an emulated host that takes long.',
  ],
  [
    /xen\.blackout\.crosspoolOf/,
    'release and take are three processes each, one after the other, and requests and durable records between them. An emulated host takes 60 to 310 ms for each process; on hardware it is 2 to 3 ms.',
  ],
  [
    /xen\.crosspool\.migrateBack/,
    'only what differs is sent, in a sixth of the time; but the checks, the processes on both hosts and the memory of the VM take as long as ever, which in emulated hosts is a minute and a half.',
  ],
  [
    /\.crosspool\.migrateBack/,
    'only what differs is sent, in a tenth of a second; but the memory of the VM takes as long as ever, and to remove a file of 4 GiB, the one that the VM has left, as long as that.',
  ],
  [
    /qemu\.blackout\.crosspoolOf/,
    "the disks' handover is calls between four daemons, with records that are durable before the next call; the others end a mirror and keep no record of who owns the VM. See its share, and the first picture. Where CPUs are wanted, each call waits for one.",
  ],
  [/\.writeLatency\.afterOfBefore\.p99/, 'of a few hundred writes a p99 is the third slowest.'],
]

export function whyNot(name: string): string {
  return reasons.find(([pattern]) => pattern.test(name))?.[1] ?? 'not known yet.'
}
