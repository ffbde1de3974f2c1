import type { Duplex } from 'node:stream'
import type { Introduction } from '../model/access.ts'
import type { Host } from '../model/host.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Preflight, ReceiveRequest } from '../model/migration.ts'
import type {
  Heartbeat,
  HeartbeatAnswer,
  MemoryEncoding,
  Receiver,
  ReceiverGrant,
} from '../model/receiver.ts'
import type { Claim, ReplicaTerms } from '../model/replica.ts'
import type { DiskWrites } from '../model/write-latency.ts'

/** The storage manager at the other end of a replication URI: the one call that the two exchange. */
export interface StoragePeers {
  /** Source to target, which must have the key of this fingerprint. @throws URI_REFUSED, SIZE_MISMATCH, PEER_UNREACHABLE */
  join(
    target: { readonly url: string; readonly fingerprint: string },
    replication: string,
    request: JoinRequest,
  ): Promise<JoinAnswer>
}

export interface JoinRequest {
  readonly secret: string
  readonly sizeBytes: number
  readonly hello: Readonly<Record<string, string | number>>
  /** It has noted what differs from the replica at the target. Otherwise what is there counts for nothing. */
  readonly continues?: boolean | undefined
}

export interface JoinAnswer {
  readonly welcome: Readonly<Record<string, string | number>>
}

/** The xapi that an invitation came from. */
export interface TrustPeers {
  /** The other side must have this fingerprint, and pins ours. @throws INVITATION_REFUSED, PEER_UNREACHABLE, PEER_UNTRUSTED */
  introduce(
    url: string,
    fingerprint: string,
    request: Introduction & { readonly code: string },
  ): Promise<Introduction>
}

/** Finds the other xapi by its URL. */
export interface ToolstackPeers {
  connect(url: string): ToolstackPeer
}

/** The destination's xapi as the source sees it. Every call has a deadline and throws PEER_UNREACHABLE after it. */
export interface ToolstackPeer {
  host(): Promise<Host>
  /** All that is there, for people to look at. */
  inventory(): Promise<Inventory>
  preflight(request: ReceiveRequest): Promise<Preflight>
  /** Whether the VM, of which that host may keep replicas, has been given to it. */
  claim(vm: string): Promise<Claim>
  /** This side has ended it; there it goes too. */
  replicaDropped(replication: string): Promise<void>
  receive(request: ReceiveRequest): Promise<ReceiverGrant>
  getReceiver(receiver: string, token: string): Promise<Receiver>
  /** The HTTP connection that the memory goes through: what is written must be so encoded, plain unless told. */
  openMemory(receiver: string, token: string, encoding?: MemoryEncoding): Promise<Duplex>
  heartbeat(receiver: string, token: string, beat: Heartbeat): Promise<HeartbeatAnswer>
  /** The source has released the VM at `epoch`. `start`: run it as soon as the disks are across. @throws HANDOVER_REFUSED, STALE_EPOCH */
  take(
    receiver: string,
    token: string,
    request: { readonly epoch: number; readonly start: boolean },
  ): Promise<Receiver>
  start(receiver: string, token: string): Promise<Receiver>
  /**
   * After the VM runs there and the source has let go: takes the mirrors out on that side, or keeps the
   * source's disks as replicas. Before any memory was sent: keeps that side's disks as replicas.
   */
  close(receiver: string, token: string, keep?: ReplicaTerms | null): Promise<Receiver>
  /** What the VM has written there. @throws WRONG_STATE while it does not run there */
  diskWrites(receiver: string, token: string): Promise<readonly DiskWrites[]>
  /** Refused once the disks have been taken. @throws TOO_LATE_TO_CANCEL */
  abort(receiver: string, token: string, reason: string): Promise<Receiver>
}
