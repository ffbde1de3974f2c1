import { type DestinationStream, type Logger, pino } from 'pino'

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  /** Which daemon or tool speaks. */
  readonly name: string
  /** `info` unless told. */
  readonly level?: LogLevel
  /** Standard output unless told. */
  readonly destination?: DestinationStream
}

/**
 * A log of JSON lines, one per event. Tokens and secrets never get into it, wherever they stand:
 * in a field, in a replication URI, or in the text of an error.
 */
export function createLog(options: LogOptions): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, cause: pino.stdSerializers.err },
      hooks: { streamWrite: redactSecrets },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

const redacted = '[redacted]'
const names = 'token|secret|password|authorization'
const field = new RegExp(String.raw`"(${names})"(\s*:\s*)"(?:[^"\\]|\\.)*"`, 'gi')
/** The same within a string of JSON, where each quote has backslashes before it. */
const quotedField = new RegExp(String.raw`(\\+")(${names})\1(\s*:\s*)\1(?:(?!\1).)*\1`, 'gi')

/** Takes what must stay secret out of a text, also where it is JSON within a JSON string. */
export function redactSecrets(text: string): string {
  return text
    .replace(field, `"$1"$2"${redacted}"`)
    .replace(quotedField, `$1$2$1$3$1${redacted}$1`)
    .replace(/\b(secret|token)=[^\s&"'\\]+/gi, `$1=${redacted}`)
    .replace(/\b(Bearer) [\w.~+/=-]+/g, `$1 ${redacted}`)
}
