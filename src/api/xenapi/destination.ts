import { z } from 'zod'
import type { Sr } from '../../model/sr.ts'
import { XenApiFailure } from './failure.ts'
import { identities, type Place } from './view/identities.ts'

/** What `host.migrate_receive` answers and `VM.migrate_send` reads: for the clients a sealed letter. */
export interface Destination {
  readonly hostRef: string
  /** Root of its xapi. */
  readonly url: string
  /** References of the destination's SRs and networks -> their ids there. */
  readonly srs: Readonly<Record<string, string>>
  readonly networks: Readonly<Record<string, string>>
}

const names = z.string().transform((text, context) => {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text))
  } catch {
    context.addIssue({ code: 'custom', message: 'is not the JSON of names' })
    return z.NEVER
  }
})

const letterSchema = z.object({
  host: z.string(),
  'crosspool:url': z.url({ protocol: /^https?$/ }),
  'crosspool:srs': names,
  'crosspool:networks': names,
})

export function writeDestination(
  place: Place & { readonly url: string; readonly networks: readonly { readonly name: string }[] },
  srs: readonly Sr[],
): Readonly<Record<string, string>> {
  const networks = place.networks.map(({ name }) => [identities.network(place, name).ref, name])
  return {
    host: identities.host(place).ref,
    master: place.url,
    'crosspool:url': place.url,
    'crosspool:srs': JSON.stringify(
      Object.fromEntries(srs.map(({ id }) => [identities.sr(id).ref, id])),
    ),
    'crosspool:networks': JSON.stringify(Object.fromEntries(networks)),
  }
}

/** @throws OPERATION_NOT_ALLOWED when it is no answer of a Crosspool host */
export function readDestination(letter: Readonly<Record<string, string>>): Destination {
  const result = letterSchema.safeParse(letter)
  if (!result.success)
    throw new XenApiFailure(
      'OPERATION_NOT_ALLOWED',
      'dest is not what the migrate_receive of a Crosspool host answers',
    )
  const {
    host,
    'crosspool:url': url,
    'crosspool:srs': srs,
    'crosspool:networks': networks,
  } = result.data
  return { hostRef: host, url, srs, networks }
}
