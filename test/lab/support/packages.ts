import { access } from 'node:fs/promises'
import { execa } from 'execa'

interface Need {
  readonly packageName: string
  /** A file that only this package brings. Asking for a file is quicker than asking dpkg. */
  readonly file: string
}

const needs: readonly Need[] = [
  { packageName: 'qemu-system-x86', file: '/usr/bin/qemu-system-x86_64' },
  { packageName: 'qemu-utils', file: '/usr/bin/qemu-img' },
  { packageName: 'mmdebstrap', file: '/usr/bin/mmdebstrap' },
  { packageName: 'e2fsprogs', file: '/sbin/mke2fs' },
  { packageName: 'openssh-client', file: '/usr/bin/ssh' },
  { packageName: 'gcc', file: '/usr/bin/gcc' },
  { packageName: 'libc6-dev', file: '/usr/lib/x86_64-linux-gnu/libc.a' },
  { packageName: 'xz-utils', file: '/usr/bin/xz' },
  { packageName: 'util-linux', file: '/usr/bin/setpriv' },
  { packageName: 'tar', file: '/usr/bin/tar' },
]

/** For the documents' examples, which a host of the lab brings itself, the tests' foreign clients, the model, the web UI and the benchmarks. */
const otherNeeds: readonly Need[] = [
  { packageName: 'curl', file: '/usr/bin/curl' },
  { packageName: 'jq', file: '/usr/bin/jq' },
  { packageName: 'chromium', file: '/usr/bin/chromium' },
  { packageName: 'fonts-dejavu-core', file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' },
  { packageName: 'spin', file: '/usr/bin/spin' },
  { packageName: 'lintian', file: '/usr/bin/lintian' },
  { packageName: 'iproute2', file: '/sbin/tc' },
  { packageName: 'socat', file: '/usr/bin/socat' },
  { packageName: 'libvirt-daemon', file: '/usr/sbin/libvirtd' },
  { packageName: 'libvirt-clients', file: '/usr/bin/virsh' },
  {
    packageName: 'libvirt-daemon-driver-qemu',
    file: '/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so',
  },
  {
    packageName: 'python3-os-xenapi',
    file: '/usr/lib/python3/dist-packages/os_xenapi/client/XenAPI.py',
  },
]

const packagesOfLab = needs.map(({ packageName }) => packageName)

async function missingPackages(wanted: readonly string[]): Promise<string[]> {
  const missing: string[] = []
  for (const need of [...needs, ...otherNeeds].filter(({ packageName }) =>
    wanted.includes(packageName),
  )) {
    await access(need.file).catch(() => missing.push(need.packageName))
  }
  return missing
}

/**
 * Makes sure that the programs of these packages, all that the lab starts unless told, are there.
 * Installs what is missing where it may, else says how to.
 */
export async function ensurePackages(
  log: (line: string) => void,
  wanted: readonly string[] = packagesOfLab,
): Promise<void> {
  const missing = await missingPackages(wanted)
  if (missing.length === 0) return
  const command = ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing]
  if (process.getuid?.() !== 0) {
    throw new Error(`these Debian packages are missing: run "sudo ${command.join(' ')}"`)
  }
  log(`installing ${missing.join(', ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await execa('apt-get', ['update'], { env, timeout: 300_000 })
  await execa('apt-get', command.slice(1), { env, timeout: 900_000 })
  const stillMissing = await missingPackages(wanted)
  if (stillMissing.length > 0) throw new Error(`could not install ${stillMissing.join(', ')}`)
}
