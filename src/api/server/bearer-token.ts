/** The token of an Authorization header; null when there is none. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '')?.[1] ?? null
}
