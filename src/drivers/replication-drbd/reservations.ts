import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncDirectory, writeDurably } from '../../lib/write-durably.ts'

const reservationSchema = z.object({
  name: z.string(),
  minor: z.int().nonnegative(),
  address: z.string(),
  port: z.int().positive(),
})
/** A minor and a port that are kept for one replication. */
export type Reservation = Readonly<z.infer<typeof reservationSchema>>

/** One file for each minor, named after it: udev's rule asks by that name whether a device is ours. */
export interface Reservations {
  list(): Promise<readonly Reservation[]>
  find(name: string): Promise<Reservation | null>
  /** On disk when it has resolved. */
  add(reservation: Reservation): Promise<void>
  remove(reservation: Reservation): Promise<void>
}

export function createReservations(directory: string): Reservations {
  const pathOf = ({ minor }: Reservation) => join(directory, String(minor))

  async function list(): Promise<readonly Reservation[]> {
    const names = (await namesIn(directory)).filter((name) => /^\d+$/.test(name))
    const found = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(directory, name), 'utf8').catch(ignoreMissing)
        return text === null ? [] : [reservationSchema.parse(JSON.parse(text))]
      }),
    )
    return found.flat()
  }

  return {
    list,
    async find(name) {
      return (await list()).find((reservation) => reservation.name === name) ?? null
    },
    async add(reservation) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeDurably(pathOf(reservation), `${JSON.stringify(reservation)}\n`)
    },
    async remove(reservation) {
      await rm(pathOf(reservation), { force: true })
      await syncDirectory(directory)
    },
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(ignoreMissing)) ?? []
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}
