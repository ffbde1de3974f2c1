import type { ApiClient } from '../api/client/api-client.ts'
import type { storageRoutes } from '../api/contract/storage-routes.ts'
import type { toolstackRoutes } from '../api/contract/toolstack-routes.ts'
import { readConfiguration } from '../daemons/load-configuration.ts'
import {
  type StorageConfiguration,
  storageConfigurationFile,
  storageConfigurationSchema,
} from '../daemons/storage/configuration.ts'
import {
  type ToolstackConfiguration,
  toolstackConfigurationFile,
  toolstackConfigurationSchema,
} from '../daemons/toolstack/configuration.ts'
import { CrosspoolError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { Ownership } from '../model/ownership.ts'
import type { Sr } from '../model/sr.ts'
import type { Clock } from '../ports/clock.ts'
import type { HostView } from '../ports/host-needs.ts'

/** Where doctor and support-bundle look. */
export interface Surroundings {
  readonly host: HostView
  readonly clock: Pick<Clock, 'now'>
  readonly storage: () => Promise<ApiClient<typeof storageRoutes>>
  readonly toolstack: () => Promise<ApiClient<typeof toolstackRoutes>>
  readonly files: ConfigurationFiles
}

/** Left out: where the daemons look unless told. */
export interface ConfigurationFiles {
  readonly smConfig?: string
  readonly xapiConfig?: string
}

/** What a daemon answered, or why it did not. */
export type Answer<T> = { readonly value: T } | { readonly problem: CrosspoolError }

export type Configured<T> =
  | { readonly file: string; readonly configuration: T }
  | { readonly file: string; readonly problems: readonly string[] }

/** All that is known of a host before anything is judged. */
export interface HostState {
  readonly sm: Configured<StorageConfiguration>
  readonly xapi: Configured<ToolstackConfiguration>
  readonly storage: Answer<{ readonly host: string; readonly apiVersion: string }>
  readonly toolstack: Answer<Host>
  readonly srs: Answer<readonly Sr[]>
  /** How many have no reason to be there. */
  readonly leftovers: Answer<number>
  readonly ownerships: Answer<readonly Ownership[]>
  /** This host first. */
  readonly hosts: Answer<readonly Host[]>
  /** When the hosts were asked, and when all had answered. */
  readonly askedAtMs: number
  readonly answeredAtMs: number
}

/** Hosts that are gone are waited for by xapi, each until the network gives up. */
const timeoutMs = 20_000

export async function readHostState(surroundings: Surroundings): Promise<HostState> {
  const { clock, files } = surroundings
  const [storage, toolstack] = await Promise.all([surroundings.storage(), surroundings.toolstack()])
  const options = { timeoutMs }
  const askedAtMs = clock.now()
  const [facts, host, srs, leftovers, ownerships, hosts] = await Promise.all([
    answered(storage.facts({}, options)),
    answered(toolstack.getHost({}, options)),
    answered(storage.listSrs({}, options)),
    answered(
      storage
        .leftovers({}, options)
        .then((all) => all.filter(({ reason }) => reason === null).length),
    ),
    answered(toolstack.listOwnerships({}, options)),
    answered(toolstack.listHosts({}, options)),
  ])
  return {
    sm: configured(storageConfigurationSchema, files.smConfig, storageConfigurationFile),
    xapi: configured(toolstackConfigurationSchema, files.xapiConfig, toolstackConfigurationFile),
    ...{ storage: facts, toolstack: host, srs, leftovers, ownerships, hosts },
    ...{ askedAtMs, answeredAtMs: clock.now() },
  }
}

async function answered<T>(asked: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await asked }
  } catch (error) {
    if (error instanceof CrosspoolError) return { problem: error }
    throw error
  }
}

function configured<Schema extends Parameters<typeof readConfiguration>[0]>(
  schema: Schema,
  given: string | undefined,
  usual: string,
) {
  const file = given ?? usual
  try {
    return { file, ...readConfiguration(schema, file, given !== undefined) }
  } catch (error) {
    return { file, problems: [error instanceof Error ? error.message : String(error)] }
  }
}
