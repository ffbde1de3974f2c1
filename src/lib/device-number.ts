/** Of `rdev`, as the kernel packs it into 64 bits: twelve low bits of the major from bit 8, the rest of the minor from bit 12. */
export function deviceNumber(rdev: number): { readonly major: number; readonly minor: number } {
  const bits = BigInt(rdev)
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn)
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn)
  return { major: Number(major), minor: Number(minor & 0xffffffffn) }
}
