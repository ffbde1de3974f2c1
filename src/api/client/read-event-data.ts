/** Far above any document of ours. */
const eventCharactersMax = 1024 * 1024

/** The data of server-sent events, one after the other; comments and other fields are passed over. */
export async function* readEventData(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
    rest = events.pop() ?? ''
    if (rest.length > eventCharactersMax)
      throw new Error(`an event is longer than ${eventCharactersMax} characters`)
    for (const event of events) {
      const lines = event.split('\n').filter((line) => line.startsWith('data:'))
      if (lines.length > 0) yield lines.map((line) => line.replace(/^data: ?/, '')).join('\n')
    }
  }
}
