/** A value among the options of one of QEMU's arguments, where a comma ends a value unless it is written twice. */
export function optionValue(value: string): string {
  return value.replaceAll(',', ',,')
}
