/** The command line is wrong: told without a trace, exit code 2. */
export class UsageError extends Error {}
