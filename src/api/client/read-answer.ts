import { z } from 'zod'
import { CrosspoolError, isErrorCode } from '../../model/errors.ts'

/** Looser than what we send, since the other side may be newer than we are. */
const anyErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
})

const textCharactersMax = 300

/** Answers the document of a successful answer. @throws the error that the other side answered, or PEER_FAILED */
export function readAnswer(status: number, text: string, url: string): unknown {
  if (status < 200 || status > 299) throw errorOfAnswer(status, text, url)
  const document = parseJson(text)
  if (document !== undefined) return document
  throw failed('INVALID_ANSWER', `${url} answered something else than JSON`)
}

/** An error of the table comes back as itself; everything else as PEER_FAILED. */
export function errorOfAnswer(status: number, text: string, url: string): CrosspoolError {
  const parsed = anyErrorSchema.safeParse(parseJson(text))
  if (!parsed.success) {
    const what = text.trim().slice(0, textCharactersMax) || 'no text'
    return failed(`HTTP_${status}`, `${url} answered: ${what}`)
  }
  const { code, message, details } = parsed.data
  return isErrorCode(code) ? new CrosspoolError(code, details) : failed(code, message)
}

/** @throws PEER_FAILED when the document is not what the contract says */
export function readDocument<Schema extends z.ZodType>(
  schema: Schema,
  document: unknown,
  url: string,
): z.output<Schema> {
  const parsed = schema.safeParse(document)
  if (parsed.success) return parsed.data
  throw failed('INVALID_ANSWER', `${url}: ${z.prettifyError(parsed.error)}`, parsed.error)
}

function failed(code: string, message: string, cause?: unknown): CrosspoolError {
  return new CrosspoolError('PEER_FAILED', { code, message }, cause)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
