import { readFile } from 'node:fs/promises'
import { cpus, freemem, totalmem } from 'node:os'
import { KiB } from '../../lib/units.ts'

export interface MemoryFacts {
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
}

/** Where the kernel tells what could be freed for a VM, that counts as free. */
export async function memoryFacts(): Promise<MemoryFacts> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const available = parseAvailable(text)
  return { memoryBytes: totalmem(), freeMemoryBytes: available ?? freemem() }
}

/** Reads /proc/meminfo; null where it does not tell. */
export function parseAvailable(text: string): number | null {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * KiB
}

export function cpuModel(): string {
  return cpus()[0]?.model.trim() ?? 'unknown'
}
