/** What we must know of a volume stands in its description, the one text that is there from the first moment. */
export interface OwnDescription {
  readonly id: string
  /** What was asked for; a plug-in may round the volume itself up. */
  readonly sizeBytes: number
}

const form = /^crosspool id=([0-9a-zA-Z-]+) size=([1-9][0-9]{0,15})$/

export function formatDescription({ id, sizeBytes }: OwnDescription): string {
  return `crosspool id=${id} size=${sizeBytes}`
}

/** Null for a volume that is not ours. */
export function parseDescription(description: string): OwnDescription | null {
  const [, id, size] = form.exec(description) ?? []
  return id === undefined ? null : { id, sizeBytes: Number(size) }
}
