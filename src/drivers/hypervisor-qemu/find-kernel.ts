import { findFile } from '../../lib/allowed-path.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { QemuDetails } from './qemu-vm.ts'

export interface FoundKernel {
  readonly kernel: string
  readonly initrd?: string
}

/**
 * The files that a guest boots, or null where it boots from a disk. QEMU reads them whenever it
 * starts, also to receive a VM, and the guest can read them at its next boot; whoever names them may
 * be on another host, so they may only lie where the administrator keeps kernels.
 * @throws NOT_SUPPORTED
 */
export async function findKernel(
  boot: QemuDetails['boot'],
  directories: readonly string[],
): Promise<FoundKernel | null> {
  if (!('kernel' in boot)) return null
  const kernel = await find(boot.kernel, directories)
  if (boot.initrd === undefined) return { kernel }
  return { kernel, initrd: await find(boot.initrd, directories) }
}

async function find(path: string, directories: readonly string[]): Promise<string> {
  const found = await findFile(path, directories)
  if (typeof found === 'string') return found
  const { reason } = found
  throw new CrosspoolError('NOT_SUPPORTED', { what: `The kernel or initrd ${path}`, reason })
}
