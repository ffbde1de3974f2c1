import type { RecordStore } from '../../src/ports/record-store.ts'

export const partsOfWrite = [0, 1, 2, 3]
const writersAtOnce = 4

/** Writes transactions of several records for ever and prints the name of each that has resolved. */
export async function writeUntilKilled(
  store: RecordStore,
  print: (line: string) => void,
): Promise<never> {
  const run = `${process.pid}-${Date.now()}`
  const writer = async (writer: number): Promise<never> => {
    for (let number = 0; ; ) {
      const count = await store.get<number>('count')
      const name = `${run}-${writer}-${number}`
      const puts = partsOfWrite.map((part) => ({ key: `write/${name}/${part}`, value: number }))
      const done = await store.transact({
        conditions: [{ key: 'count', revision: count?.revision ?? null }],
        puts: [...puts, { key: 'count', value: (count?.value ?? 0) + 1 }],
      })
      if (!done) continue
      print(name)
      number += 1
    }
  }
  return Promise.race(Array.from({ length: writersAtOnce }, (_, index) => writer(index)))
}
