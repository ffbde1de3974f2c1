/** Of a transfer at this speed; null: nobody can tell, since slower than a byte a second is not moving. */
export function timeLeftMs(leftBytes: number, bytesPerMs: number): number | null {
  return bytesPerMs < 0.001 ? null : Math.round(leftBytes / bytesPerMs)
}
