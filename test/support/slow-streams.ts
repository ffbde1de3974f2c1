import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { connectedStreams } from './connected-streams.ts'

const pauseMs = 10

/** Two ends of a connection over a link that carries only so much at a time. */
export function slowStreams(bytesPerSecond: number) {
  const near = connectedStreams()
  const far = connectedStreams()
  const chunkBytes = Math.round((bytesPerSecond * pauseMs) / 1000)
  void carry(near.destination, far.source, chunkBytes)
  void carry(far.source, near.destination, chunkBytes)
  near.destination.on('close', () => far.source.destroy())
  far.source.on('close', () => near.destination.destroy())
  return { source: near.source, destination: far.destination }
}

async function carry(from: Duplex, to: Duplex, chunkBytes: number): Promise<void> {
  try {
    for await (const bytes of from.iterator({ destroyOnReturn: false })) {
      for (let sent = 0; sent < bytes.length; sent += chunkBytes) {
        if (!to.writable) return
        to.write(bytes.subarray(sent, sent + chunkBytes))
        await setTimeout(pauseMs)
      }
    }
    to.end()
  } catch {
    // A link that is cut carries nothing more; both ends see that it is closed.
  }
}
