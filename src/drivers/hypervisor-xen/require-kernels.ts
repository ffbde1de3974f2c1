import { unusableFiles } from '../../lib/allowed-path.ts'
import { CrosspoolError } from '../../model/errors.ts'

/**
 * A guest can read what it is booted from, and whoever names the files may be on another host: they
 * may only lie where the administrator keeps kernels. @throws NOT_SUPPORTED
 */
export async function requireKernels(
  files: readonly string[],
  directories: readonly string[],
): Promise<void> {
  for (const { path, reason, isAllowed } of await unusableFiles(files, directories))
    if (!isAllowed)
      throw new CrosspoolError('NOT_SUPPORTED', { what: `The kernel or initrd ${path}`, reason })
}
