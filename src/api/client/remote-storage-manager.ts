import { sleep } from '../../lib/sleep.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import { isOver, type Relocation } from '../../model/relocation.ts'
import type { Replication } from '../../model/replication.ts'
import type { DiskHandover, StorageManager } from '../../ports/storage-manager.ts'
import { storageRoutes } from '../contract/storage-routes.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import type { DaemonAddress } from './daemon-address.ts'

export interface RemoteStorageManagerOptions {
  /** Deadline of every call; 2 minutes unless told, since making and filling volumes takes its time. */
  readonly timeoutMs?: number
}

type Client = ApiClient<typeof storageRoutes>

/** The storage manager behind the API at an address, with the errors that it throws there. */
export function createRemoteStorageManager(
  { url, fetch }: DaemonAddress,
  options: RemoteStorageManagerOptions = {},
): StorageManager {
  const timeoutMs = options.timeoutMs ?? 300_000
  const client = createApiClient(storageRoutes, url, { timeoutMs, fetch })
  return {
    facts: () => client.facts(),
    listSrs: () => client.listSrs(),
    createSr: (body) => client.createSr({ body }),
    forgetSr: (sr) => done(client.forgetSr({ params: { sr } })),
    listVdis: (filter = {}) => client.listVdis({ query: filter }),
    getVdi: (vdi) => client.getVdi({ params: { vdi } }),
    createVdi: (body) => client.createVdi({ body }),
    destroyVdi: (vdi) => done(client.destroyVdi({ params: { vdi } })),
    attach: (vdi) => client.attach({ params: { vdi } }),
    activate: (vdi) => client.activate({ params: { vdi } }),
    deactivate: (vdi) => client.deactivate({ params: { vdi } }),
    detach: (vdi) => client.detach({ params: { vdi } }),
    adopt: (vdi, device) => client.adopt({ params: { vdi }, body: { device } }),
    disown: (vdi) => client.disown({ params: { vdi } }),
    getReplicationTarget: (vdi, schemes, source) =>
      client.getReplicationTarget({
        params: { vdi },
        body: { ...(schemes ? { schemes: [...schemes] } : {}), ...(source ? { source } : {}) },
      }),
    replicateTo: (vdi, uri) => client.replicateTo({ params: { vdi }, body: { uri } }),
    relocate: (vdi, sr) => client.relocate({ params: { vdi }, body: { sr } }),
    followRelocation: (vdi, onChange, signal) => followRelocation(client, vdi, onChange, signal),
    cancelRelocation: (vdi) => done(client.cancelRelocation({ params: { vdi } })),
    listReplications: () => client.listReplications(),
    getReplication: (replication) => client.getReplication({ params: { replication } }),
    watchReplication: (replication, listener) => watchReplication(client, replication, listener),
    limitReplication: (replication, bytesPerSecondMax) =>
      client.limitReplication({ params: { replication }, body: { bytesPerSecondMax } }),
    keepReplication: (replication, keep) =>
      done(client.keepReplication({ params: { replication }, ...(keep ? { body: keep } : {}) })),
    verifyReplication: (replication) => client.verifyReplication({ params: { replication } }),
    stopReplication: (replication, keep) =>
      done(client.stopReplication({ params: { replication }, query: { keep } })),
    armHandover: (disks) => done(client.armHandover({ body: handover(disks) })),
    releaseDisks: (disks) => done(client.releaseDisks({ body: handover(disks) })),
    reclaimDisks: (disks) => done(client.reclaimDisks({ body: handover(disks) })),
    takeDisks: (disks) => done(client.takeDisks({ body: handover(disks) })),
    leftovers: () => client.leftovers(),
    cleanLeftovers: () => client.cleanLeftovers(),
  }
}

async function done(answer: Promise<unknown>): Promise<void> {
  await answer
}

function handover(disks: readonly DiskHandover[]) {
  return { disks: disks.map(({ vdi, replication }) => ({ vdi, replication })) }
}

/** Goes on through interruptions. */
async function followRelocation(
  client: Client,
  vdi: string,
  onChange: (relocation: Relocation) => void,
  signal: AbortSignal,
): Promise<Relocation> {
  const options = { signal, giveUpAfterMs: Number.POSITIVE_INFINITY }
  for await (const relocation of client.watchRelocation({ params: { vdi } }, options)) {
    onChange(relocation)
    if (isOver(relocation)) return relocation
  }
  throw signal.reason
}

const retryDelayMs = 1_000

/** Goes on through interruptions and failures until stopped. A replication that is no longer there counts as stopped. */
function watchReplication(
  client: Client,
  replication: string,
  listener: (replication: Replication) => void,
): () => void {
  const stop = new AbortController()
  const { signal } = stop
  let last: Replication | null = null

  async function follow(): Promise<void> {
    const options = { signal, giveUpAfterMs: Number.POSITIVE_INFINITY }
    for await (const event of client.watchReplication({ params: { replication } }, options)) {
      if (signal.aborted) return
      last = event
      listener(event)
    }
  }

  async function followAlways(): Promise<void> {
    while (!signal.aborted) {
      try {
        return await follow()
      } catch (error) {
        if (signal.aborted) return
        // What the listener throws is its own affair, and must not look like a failure of the line.
        if (!isCrosspoolError(error)) throw error
        if (error.code === 'NOT_FOUND') {
          if (last !== null && last.state !== 'stopped') listener({ ...last, state: 'stopped' })
          return
        }
        await sleep(retryDelayMs, signal).catch(() => {})
      }
    }
  }

  void followAlways()
  return () => stop.abort()
}
