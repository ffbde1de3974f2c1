/**
 * A contract is what every driver of a port must do, as a list of cases. They use nothing of a test
 * runner, so that the same list also runs as a plain program on a host where the real tools are.
 */
export interface ContractCase<Fixture> {
  readonly name: string
  /** Left out: the case is for every driver. */
  readonly isFor?: (fixture: Fixture) => boolean
  readonly run: (fixture: Fixture) => Promise<void>
}

export interface Disposable {
  dispose(): Promise<void>
}
