/**
 * What we know of a volume stands in its tags, so that it goes with the volume group to another
 * host. LVM allows letters, digits and a few signs in a tag, and 1024 characters.
 */
export interface VolumeTags {
  readonly id: string
  readonly name: string
  /** What was asked for; LVM rounds the volume itself up to whole extents. */
  readonly sizeBytes: number
  /** The volume has not been filled with zeroes yet. */
  readonly isUnfinished: boolean
}

const ourTag = 'crosspool'
const idPrefix = 'crosspool-id='
const sizePrefix = 'crosspool-size='
const namePrefix = 'crosspool-name='
export const unfinishedTag = 'crosspool-unfinished'
/** On a volume of the administrator's that we keep away at boot. */
export const fenceTag = 'crosspool-not-at-boot'
const encodedNameCharactersMax = 900

export function formatTags(tags: VolumeTags): string[] {
  return [
    ourTag,
    `${idPrefix}${tags.id}`,
    `${sizePrefix}${tags.sizeBytes}`,
    `${namePrefix}${encodeName(tags.name)}`,
    ...(tags.isUnfinished ? [unfinishedTag] : []),
  ]
}

/** Null for a volume that is not ours. */
export function parseTags(tags: readonly string[]): VolumeTags | null {
  const valueAfter = (prefix: string) =>
    tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length)
  const id = valueAfter(idPrefix)
  const sizeBytes = Number(valueAfter(sizePrefix))
  if (!tags.includes(ourTag) || !id || !(sizeBytes > 0)) return null
  return {
    id,
    sizeBytes,
    name: decodeName(valueAfter(namePrefix) ?? '') || id,
    isUnfinished: tags.includes(unfinishedTag),
  }
}

/** Everything but letters, digits, `_`, `.` and `-` becomes `#XX` for each byte of its UTF-8. */
function encodeName(name: string): string {
  let encoded = ''
  for (const character of name) {
    const next = /^[A-Za-z0-9_.-]$/.test(character)
      ? character
      : [...Buffer.from(character)].map((byte) => `#${hex(byte)}`).join('')
    if (encoded.length + next.length > encodedNameCharactersMax) break
    encoded += next
  }
  return encoded
}

function decodeName(encoded: string): string {
  const bytes: number[] = []
  for (const part of encoded.match(/#[0-9A-F]{2}|[^#]/g) ?? []) {
    bytes.push(part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0))
  }
  return Buffer.from(bytes).toString('utf8')
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
