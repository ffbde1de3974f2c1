/** For a test run on a busy machine: what is waited for comes, or it does not. */
export const patient = { poll: { timeout: 20_000 } } as const
