import { realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
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
  const refuse = (reason: string, cause?: unknown) =>
    new CrosspoolError('NOT_SUPPORTED', { what: `The kernel or initrd ${path}`, reason }, cause)
  const roots = await Promise.all(directories.map((each) => realpath(each).catch(() => null)))
  const file = await realpath(path).catch((error: unknown) => {
    throw refuse('there is no such file on this host', error)
  })
  if (!roots.some((root) => root !== null && file.startsWith(root + sep)))
    throw refuse(`it is not in a directory for kernels (${directories.join(', ') || 'none'})`)
  if ((await stat(file)).isFile()) return file
  throw refuse('it is no file')
}
