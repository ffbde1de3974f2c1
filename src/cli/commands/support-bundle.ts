import { writeBundle } from '../../support/bundle/write-bundle.ts'
import type { ConfigurationFiles } from '../../support/host-state.ts'
import { localHost } from '../../support/local-host.ts'
import type { CliContext } from '../context.ts'
import { bytes, plural } from '../views/quantities.ts'

export interface BundleGiven extends ConfigurationFiles {
  readonly output?: string
  readonly log?: readonly string[]
}

export async function supportBundle(context: CliContext, given: BundleGiven): Promise<void> {
  const { storage, toolstack } = context
  const { output, log = [], ...files } = given
  const where = localHost({ storage, toolstack, files })
  const bundle = await writeBundle(where, { logFiles: log, ...(output ? { output } : {}) })
  context.show(
    bundle,
    ({ file, sizeBytes, parts }) =>
      `${file}: ${plural(parts.length, 'file')}, ${bytes(sizeBytes)}. Secrets have been taken out; look through it before you hand it on.`,
  )
}
