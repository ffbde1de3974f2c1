/**
 * One act at a time for each key. Acts that name several keys wait for all of them; since they
 * queue up at all of them in the same moment, two acts can never wait for each other.
 */
export interface KeyedLock {
  /** Runs `act` when all earlier acts that share a key with it have ended, well or badly. */
  run<Result>(keys: readonly string[], act: () => Promise<Result>): Promise<Result>
}

export function createKeyedLock(): KeyedLock {
  const lastActs = new Map<string, Promise<void>>()

  return {
    run(keys, act) {
      const earlier = keys.map((key) => lastActs.get(key))
      const result = Promise.all(earlier).then(act)
      const ended = result.then(
        () => {},
        () => {},
      )
      for (const key of keys) lastActs.set(key, ended)
      void ended.then(() => {
        for (const key of keys) if (lastActs.get(key) === ended) lastActs.delete(key)
      })
      return result
    },
  }
}
