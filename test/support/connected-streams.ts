import { type Duplex, duplexPair } from 'node:stream'

/** Two ends of a connection within this process; one that breaks is broken for both. */
export function connectedStreams(): { readonly source: Duplex; readonly destination: Duplex } {
  const [source, destination]: Duplex[] = duplexPair()
  if (source === undefined || destination === undefined) throw new Error('no connection')
  source.on('close', () => destination.destroy())
  destination.on('close', () => source.destroy())
  return { source, destination }
}
