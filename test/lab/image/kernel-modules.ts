/** Reads modules.dep ("path: dependency dependency ...") and gives the paths to load, each after what it needs. */
export function loadOrder(modulesDep: string, wanted: readonly string[]): string[] {
  const dependencies = new Map<string, readonly string[]>()
  const pathOf = new Map<string, string>()
  for (const line of modulesDep.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const path = line.slice(0, colon)
    dependencies.set(
      path,
      line
        .slice(colon + 1)
        .split(' ')
        .filter(Boolean),
    )
    pathOf.set(moduleName(path), path)
  }
  const order: string[] = []
  const add = (path: string): void => {
    if (order.includes(path)) return
    for (const dependency of dependencies.get(path) ?? []) add(dependency)
    if (!order.includes(path)) order.push(path)
  }
  for (const name of wanted) {
    const path = pathOf.get(name)
    if (!path) throw new Error(`the kernel has no module ${name}`)
    add(path)
  }
  return order
}

function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_')
}
