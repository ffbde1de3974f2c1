import { useState } from 'preact/hooks'
import { textOf } from '../follow.ts'
import { toldText } from '../views/replicas.ts'
import { useStore } from './use-store.ts'

/** Ends replicas after it was asked, and says what came of it. */
export function useDrop(onDropped?: () => void) {
  const store = useStore()
  const [asked, ask] = useState<string | null>(null)
  const [isBusy, setIsBusy] = useState(false)
  const [outcome, setOutcome] = useState('')

  /** By its id, or all of a VM. */
  async function drop(replica: string): Promise<void> {
    ask(null)
    setIsBusy(true)
    setOutcome('')
    try {
      const dropped = await store.client.dropReplicas({ params: { replica } })
      store.announcement.value = 'The replica has been dropped.'
      setOutcome(toldText(dropped))
      onDropped?.()
      await store.refresh()
      // The button that was pressed has gone: whoever reads by keyboard goes on from the page.
      document.getElementById('main')?.focus({ preventScroll: true })
    } catch (error) {
      setOutcome(textOf(error))
    }
    setIsBusy(false)
  }

  return { ask, asked, drop, isBusy, outcome }
}
