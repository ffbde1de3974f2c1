import type { Surroundings } from './surroundings.ts'

/** What a person sees besides the result. */
export interface Screen {
  /** True when something that changes can be drawn in place. */
  readonly isLive: boolean
  /** A line for the person, above what is being drawn. */
  tell(text: string): void
  live(): Promise<LiveArea>
}

/** Where the newest state of something stands. */
interface LiveArea {
  /** Replaces what was there; where that cannot be, adds it when it is something new. */
  update(text: string): void
  /** Leaves the last state standing. */
  done(): void
}

export function createScreen({ stdout, stderr }: Surroundings, json: boolean): Screen {
  let above: ((text: string) => void) | null = null
  const { rows, columns, isTTY } = process.stdout
  // A serial console is a terminal of no size: nothing can be drawn on it.
  const isLive = stdout === process.stdout && isTTY === true && rows > 0 && columns > 0 && !json

  return {
    isLive,
    tell(text) {
      if (above !== null && stderr.isTTY) above(text)
      else stderr.write(`${text}\n`)
    },
    async live() {
      if (!isLive) return lines((text) => void stdout.write(`${text}\n`))
      const { createLogUpdate } = await import('log-update')
      const draw = createLogUpdate(process.stdout)
      above = (text) => draw.persist(text)
      return {
        update: (text) => draw(text),
        done() {
          above = null
          draw.done()
        },
      }
    },
  }
}

function lines(print: (text: string) => void): LiveArea {
  let last = ''
  return {
    update(text) {
      if (text !== last) print(text)
      last = text
    },
    done() {},
  }
}
