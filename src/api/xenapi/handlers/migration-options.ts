import { type MigrateRequest, migrateRequestSchema } from '../../../model/migration.ts'
import { XenApiFailure } from '../failure.ts'

type Texts = Readonly<Record<string, string>>

/** The options that are ours, and `compress`, which is xapi's; the XenAPI has them as texts. */
const migrationOptions = {
  keep_source_disks: readTruth,
  patience_ms: readNumber,
  downtime_limit_ms: readNumber,
  auto_converge: readTruth,
  compress: readTruth,
} as const

type OptionName = keyof typeof migrationOptions

function isOption(name: string): name is OptionName {
  return Object.hasOwn(migrationOptions, name)
}

/** @throws INVALID_VALUE for an option that is not known */
export function refuseOthers(options: Texts): void {
  const unknown = Object.keys(options).find((name) => !isOption(name))
  if (unknown !== undefined) throw new XenApiFailure('INVALID_VALUE', 'options', unknown)
}

/** A whole request with our options in it, in the engine's words. @throws INVALID_VALUE */
export function withOptions(
  wanted: { readonly destination: string; readonly srMap: Texts; readonly networkMap: Texts },
  options: Texts,
): MigrateRequest {
  const read = <Name extends OptionName>(name: Name) => {
    const text = options[name]
    return text === undefined ? undefined : migrationOptions[name](name, text)
  }
  const downtimeLimitMs = read('downtime_limit_ms')
  const autoConverge = read('auto_converge')
  const tunes = downtimeLimitMs !== undefined || autoConverge !== undefined
  const result = migrateRequestSchema.safeParse({
    ...wanted,
    keepSourceDisks: read('keep_source_disks'),
    patienceMs: read('patience_ms'),
    compressMemory: read('compress'),
    memory: tunes ? { downtimeLimitMs, autoConverge } : undefined,
  })
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new XenApiFailure('INVALID_VALUE', issue?.path.join('.') ?? '', issue?.message ?? '')
}

function readTruth(name: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new XenApiFailure('INVALID_VALUE', name, text)
}

function readNumber(name: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new XenApiFailure('INVALID_VALUE', name, text)
}
