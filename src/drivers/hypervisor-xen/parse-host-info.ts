import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'

/** What `xl info` tells of the host. */
export interface HostInfo {
  readonly version: string
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
  /** `hvm`, `hap`, `shadow`, ...: what guests of this host can be given. */
  readonly capabilities: readonly string[]
}

/** Reads `xl info`: one `key : value` on each line. Memory that other domains have claimed is not free. */
export function parseHostInfo(text: string): HostInfo {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) values.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const mebibytes = (key: string): number => {
    const value = Number(values.get(key) ?? Number.NaN)
    if (Number.isFinite(value)) return value
    const output = text.slice(0, 500)
    throw new CrosspoolError('COMMAND_FAILED', { command: 'xl info', how: `no ${key}`, output })
  }
  const claimed = values.has('outstanding_claims') ? mebibytes('outstanding_claims') : 0
  return {
    version: values.get('xen_version') ?? 'unknown',
    memoryBytes: mebibytes('total_memory') * MiB,
    freeMemoryBytes: Math.max(0, mebibytes('free_memory') - claimed) * MiB,
    capabilities: (values.get('virt_caps') ?? '').split(/\s+/).filter(Boolean),
  }
}
