import { InvalidArgumentError } from 'commander'

/** Turns what a parser of ours throws into commander's own kind, so that it names the option. */
export function usageChecked<T>(parse: (text: string, previous?: T) => T) {
  return (text: string, previous?: T): T => {
    try {
      return parse(text, previous)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
    }
  }
}
