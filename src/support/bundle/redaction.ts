import { redactSecrets } from '../../lib/log.ts'

export const redacted = '[redacted]'

const secretName = 'secret|token|passw|authorization|psk|private_?key|credential'
const isSecretName = new RegExp(secretName, 'i')
/** Shorter ones stand in too many words; by their names they are taken out all the same. */
const charactersMin = 6

/** What must not leave the host, as it stands in documents: by the names of their fields and in URIs. */
export function secretsIn(document: unknown): readonly string[] {
  const found: string[] = []
  const visit = (value: unknown, isSecret: boolean) => {
    if (typeof value === 'string') found.push(...(isSecret ? [value] : secretsInText(value)))
    else if (Array.isArray(value)) for (const each of value) visit(each, isSecret)
    else if (value !== null && typeof value === 'object')
      for (const [name, each] of Object.entries(value))
        visit(each, isSecret || isSecretName.test(name))
  }
  visit(document, false)
  return found
}

/** Those of URIs, headers and settings, which programs also show without their names. */
export function secretsInText(text: string): readonly string[] {
  return valuePatterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, value = '']) => value),
  )
}

const valuePatterns = [
  /\b(?:secret|token|passw(?:or)?d)=([^\s&"'\\,]+)/gi,
  /\bshared-secret\s+"([^"]+)"/g,
  /\bBearer ([\w.~+/=-]+)/g,
]

/**
 * Takes secrets out of a text: those that are known wherever they stand, and whatever looks like one
 * by what stands beside it.
 */
export function createRedactor(known: Iterable<string>): (text: string) => string {
  const values = [...new Set(known)]
    .filter((value) => value.length >= charactersMin)
    // One may be within another.
    .sort((a, b) => b.length - a.length)
  return (text) =>
    values
      .reduce((rest, value) => rest.replaceAll(value, redacted), redactSecrets(text))
      .replace(fieldPattern, `$1${redacted}$2`)
      .replace(settingPattern, `$1${redacted}`)
      .replace(sharedSecretPattern, `$1"${redacted}"`)
      .replace(authorityPattern, `$1${redacted}@`)
      .replace(keyPattern, redacted)
}

/** "anySecret": "value", in JSON, in what is nearly JSON, and in JSON within a string of JSON. */
const fieldPattern = new RegExp(
  String.raw`("[^"\n]*(?:${secretName})[^"\n]*"\s*:\s*\\*")(?:[^"\\\n]|\\.)*(")`,
  'gi',
)
/** vncpasswd=value, password = 'value', token: value; the value up to what ends it. */
const settingPattern =
  /(\b[\w-]*(?:secret|token|passw(?:or)?d)\s*[=:]\s*["']?)(?!\[)[^\s"',;&\\]+/gi
const sharedSecretPattern = /(\bshared-secret\s+)"[^"]*"/g
/** scheme://user:password@host */
const authorityPattern = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:)[^\s/@]+@/gi
const keyPattern = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g

/** A document without the values of fields that bear such a name. */
export function redactDocument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactDocument)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      isSecretName.test(name) && each !== null ? redacted : redactDocument(each),
    ]),
  )
}
