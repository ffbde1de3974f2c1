/** A refusal in the XenAPI's own words: its code and the parameters that clients read. */
export class XenApiFailure extends Error {
  readonly description: readonly [string, ...string[]]

  constructor(code: string, ...parameters: readonly string[]) {
    super([code, ...parameters].join(' '))
    this.name = 'XenApiFailure'
    this.description = [code, ...parameters]
  }
}
