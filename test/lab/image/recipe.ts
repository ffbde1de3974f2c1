/** What the image of the lab's hosts is made of. Everything here is part of the cache key. */

export const suite = 'bookworm'

export const archives: readonly string[] = [
  'deb http://deb.debian.org/debian bookworm main',
  'deb http://deb.debian.org/debian bookworm-updates main',
  'deb http://deb.debian.org/debian-security bookworm-security main',
]

export const packages: readonly string[] = [
  'linux-image-amd64',
  'xen-hypervisor-4.17-amd64',
  'xen-utils-4.17',
  'xen-utils-common',
  'drbd-utils',
  'lvm2',
  'thin-provisioning-tools',
  'dmsetup',
  // Images of other formats as block devices, and guests without Xen.
  'qemu-utils',
  'qemu-system-x86',
  'systemd-sysv',
  'udev',
  'kmod',
  'util-linux',
  'e2fsprogs',
  'openssh-server',
  'iproute2',
  'iputils-ping',
  'ethtool',
  'tcpdump',
  'wireguard-tools',
  'bridge-utils',
  'socat',
  'curl',
  'ca-certificates',
  'jq',
  'procps',
  'psmisc',
  'less',
  // What the node binary of the developer's machine is linked with.
  'libstdc++6',
]

/** Never unpacked: nobody reads it on a lab host, and each file costs time in every build. */
export const excludedPaths: readonly string[] = [
  '/usr/share/man/*',
  '/usr/share/doc/*',
  '/usr/share/locale/*',
  '/usr/share/info/*',
  '/lib/modules/*/kernel/drivers/gpu/*',
  '/lib/modules/*/kernel/drivers/media/*',
  '/lib/modules/*/kernel/drivers/staging/*',
  '/lib/modules/*/kernel/drivers/net/wireless/*',
  '/lib/modules/*/kernel/drivers/net/ethernet/*',
  '/lib/modules/*/kernel/drivers/infiniband/*',
  '/lib/modules/*/kernel/drivers/iio/*',
  '/lib/modules/*/kernel/sound/*',
]

/** Units that would only make a boot slower, or act when no test expects it. */
export const maskedUnits: readonly string[] = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'systemd-tmpfiles-clean.timer',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-binfmt.service',
  'systemd-pstore.service',
  'systemd-logind.service',
  'systemd-random-seed.service',
  'systemd-firstboot.service',
  'systemd-machine-id-commit.service',
  'systemd-journal-flush.service',
  'proc-sys-fs-binfmt_misc.automount',
  'getty@tty1.service',
  'serial-getty@ttyS0.service',
  // Would start and save guests by itself, behind the back of whoever tests migration.
  'xendomains.service',
  'hwclock.service',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'sys-kernel-tracing.mount',
  'sys-fs-fuse-connections.mount',
  'modprobe@fuse.service',
  'modprobe@loop.service',
  'modprobe@drm.service',
  'modprobe@efi_pstore.service',
  // Watches thin pools and mirrors to extend them; no test wants a pool to grow by itself.
  'lvm2-monitor.service',
  'blk-availability.service',
]

export const enabledUnits: readonly string[] = [
  'lab-network.service',
  'lab-disks.service',
  'lab-ready.service',
]

/** What a host needs before its root file system is there. ext4 asks for crc32c only when it mounts. */
export const hostBootModules: readonly string[] = [
  'virtio_pci',
  'virtio_blk',
  'crc32c_generic',
  'ext4',
]

/** One list for guests on Xen and on QEMU: what does not fit refuses to load and is passed over. */
export const guestModules: readonly string[] = [
  'xen_blkfront',
  'xen_netfront',
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
]

export const rootSizeBytes = 6 * 1024 ** 3
