/** What of the UI is shown: the part of the address behind the #, so that every page has a link. */
export type Place =
  | { readonly page: 'overview' | 'vms' | 'storage' | 'replications' | 'replicas' | 'operations' }
  | { readonly page: 'vm' | 'operation'; readonly id: string }
  | { readonly page: 'unknown' }

const lists = ['vms', 'storage', 'replications', 'replicas', 'operations'] as const
const details = { vms: 'vm', operations: 'operation' } as const

export function placeOf(hash: string): Place {
  const [name = '', id = ''] = hash.replace(/^#?\/?/, '').split('/')
  if (name === '') return { page: 'overview' }
  const list = lists.find((candidate) => candidate === name)
  if (list === undefined) return { page: 'unknown' }
  if (id === '') return { page: list }
  if (list !== 'vms' && list !== 'operations') return { page: 'unknown' }
  return { page: details[list], id: decodeId(id) }
}

export function linkToVm(id: string): string {
  return `#/vms/${encodeURIComponent(id)}`
}

export function linkToOperation(id: string): string {
  return `#/operations/${encodeURIComponent(id)}`
}

/** What was typed may be anything. */
function decodeId(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
