import type { FastifySchema } from 'fastify'

/** The paths there are, each with the methods it takes in the order they were declared, and what the documentation says of them. */
export class RouteTable {
  readonly #routes = new Map<string, Map<string, FastifySchema>>()

  add(url: string, method: string, schema: FastifySchema = {}): void {
    const methods = this.#routes.get(url)
    if (methods) methods.set(method, schema)
    else this.#routes.set(url, new Map([[method, schema]]))
  }

  urls(): Iterable<readonly [url: string, methods: ReadonlyMap<string, FastifySchema>]> {
    return this.#routes
  }

  has(url: string): boolean {
    return this.#routes.has(url)
  }

  /** The methods of the path, as Go's mux finds it: exactly, else by the longest `prefix/*`. */
  methodsOf(path: string): readonly string[] | undefined {
    const exact = path.endsWith('*') ? undefined : this.#routes.get(path)
    const methods = exact ?? this.#byPrefix(path)
    return methods && [...methods.keys()]
  }

  /**
   * Methods that a path lacks and a shorter prefix of it has: a router that looks for both at once would take the shorter, where
   * Go's mux looks for the path alone.
   */
  hidden(): readonly { readonly url: string; readonly method: string }[] {
    return [...this.#routes].flatMap(([url, methods]) => {
      const around = this.#byPrefix(url.replace(/\/\*$/, ''))
      return [...(around?.keys() ?? [])]
        .filter((method) => !methods.has(method))
        .map((method) => ({ url, method }))
    })
  }

  #byPrefix(path: string): ReadonlyMap<string, FastifySchema> | undefined {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const methods = this.#routes.get(`${path.slice(0, at)}/*`)
      if (methods) return methods
    }
    return undefined
  }
}
