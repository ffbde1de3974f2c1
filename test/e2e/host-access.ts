import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { DaemonAddress } from '../../src/api/client/daemon-address.ts'
import { createNodeFetch } from '../../src/api/client/node-fetch.ts'
import { PinnedConnector } from '../../src/api/client/pinned-connector.ts'
import type { LabHost } from '../lab/lab-host.ts'

interface Credentials {
  readonly fingerprint: string
  readonly token: string
}

const identitySchema = z.object({ fingerprint: z.string() })
const createdSchema = z.object({ secret: z.string() })

/** Access to one daemon of a host, as its administrator gives it: asked for on the host itself. */
export class HostAccess {
  readonly #lab: LabHost
  readonly #daemon: 'sm' | 'xapi'
  #credentials: Promise<Credentials> | null = null

  constructor(lab: LabHost, daemon: 'sm' | 'xapi') {
    this.#lab = lab
    this.#daemon = daemon
  }

  address(): DaemonAddress {
    const fingerprintAt = async () => (await this.credentials()).fingerprint
    const token = async () => (await this.credentials()).token
    const fetch = createNodeFetch({ connector: new PinnedConnector({ fingerprintAt }), token })
    return { url: `https://127.0.0.1:${this.#lab.port(this.#daemon)}`, fetch }
  }

  /** Asked again after a failure: the daemon may not be there yet. */
  async credentials(): Promise<Credentials> {
    this.#credentials ??= this.#ask()
    try {
      return await this.#credentials
    } catch (error) {
      this.#credentials = null
      throw error
    }
  }

  async #ask(): Promise<Credentials> {
    const which = this.#daemon === 'sm' ? '--storage' : ''
    const token = `--name test-${randomUUID()} --role administrator --expires 1d`
    const identity = await this.#crosspool(`identity ${which}`)
    const created = await this.#crosspool(`token create ${token} ${which}`)
    const { fingerprint } = identitySchema.parse(identity)
    return { fingerprint, token: createdSchema.parse(created).secret }
  }

  async #crosspool(words: string): Promise<unknown> {
    return JSON.parse(await this.#lab.run(`crosspool ${words} --json`, { timeoutMs: 120_000 }))
  }
}
