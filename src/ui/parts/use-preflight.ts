import { useEffect, useState } from 'preact/hooks'
import { sleep } from '../../lib/sleep.ts'
import type { MigrateRequest, Preflight } from '../../model/migration.ts'
import { textOf } from '../follow.ts'
import { useStore } from './use-store.ts'

/** While a choice is still being typed nothing is asked. */
const restMs = 250

export type PreflightState =
  | { readonly state: 'checking'; readonly last: Preflight | null }
  | { readonly state: 'checked'; readonly last: Preflight }
  | { readonly state: 'refused'; readonly last: null; readonly reason: string }

/** Asks both sides anew after every change of what is wanted. */
export function usePreflight(vm: string, request: MigrateRequest): PreflightState {
  const { client } = useStore()
  const [state, setState] = useState<PreflightState>({ state: 'checking', last: null })
  const wanted = JSON.stringify(request)

  useEffect(() => {
    const aborter = new AbortController()
    const { signal } = aborter
    setState(({ last }) => ({ state: 'checking', last }))

    async function check(): Promise<void> {
      try {
        await sleep(restMs, signal)
        const body: MigrateRequest = JSON.parse(wanted)
        const last = await client.preflight({ params: { vm }, body }, { signal })
        setState({ state: 'checked', last })
      } catch (error) {
        if (!signal.aborted) setState({ state: 'refused', last: null, reason: textOf(error) })
      }
    }

    void check()
    return () => aborter.abort()
  }, [client, vm, wanted])

  return state
}
