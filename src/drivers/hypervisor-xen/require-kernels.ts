import { allowedPath } from '../../lib/allowed-path.ts'
import { CrosspoolError } from '../../model/errors.ts'

/**
 * A guest can read what it is booted from, and whoever names the files may be on another host: they
 * may only lie where the administrator keeps kernels. @throws NOT_SUPPORTED
 */
export async function requireKernels(
  files: readonly string[],
  directories: readonly string[],
): Promise<void> {
  for (const file of files) {
    if ((await allowedPath(file, directories)) !== null) continue
    const reason = `it is not in a directory for kernels (${directories.join(', ') || 'none'})`
    throw new CrosspoolError('NOT_SUPPORTED', { what: `The kernel or initrd ${file}`, reason })
  }
}
