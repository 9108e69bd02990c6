import type { Request } from '../request.ts'
import { type Read, readDiscovery } from './discovery.ts'
import type { HeaderList } from './headers.ts'

/** More different questions than this, and the one asked longest ago is a miss again. */
const questionsMax = 4096

/**
 * `?cached`, which Consul answers from a cache in its agent that a blocking query keeps current. Our server remembers its answers
 * itself, until something they depend on changes (server/endpoints/remembered.ts), so all that is kept here is what was asked
 * before: that is a hit, and its age is 0, since nothing could be fresher. So `max-age` and `must-revalidate` are always heeded,
 * and for `stale-if-error` there is nothing stale.
 */
export class CachedReads {
  readonly #questions = new Set<string>()
  readonly #isHeeded: boolean

  constructor({ useCache }: { readonly useCache: boolean }) {
    this.#isHeeded = useCache
  }

  /** What reads for this request: readDiscovery, or what does the same and adds the headers of a cache. */
  readerFor({ query }: Request): typeof readDiscovery {
    return this.#isHeeded && query.has('cached') ? this.#read : readDiscovery
  }

  readonly #read: typeof readDiscovery = async (ports, options, method, args) => {
    const { minIndex = 0, ...still } = options
    const { token, filter, nodeMeta } = options
    // What had to be waited for was not in the cache, so first it is asked for without waiting.
    const here = await readDiscovery(ports, still, method, args)
    const isNews = this.#add(JSON.stringify([method, args, token, filter, nodeMeta]))
    if (here.index > minIndex) return withHeaders(here, isNews ? miss : hit)
    return withHeaders(await readDiscovery(ports, options, method, args), miss)
  }

  /** Whether the question is new. */
  #add(question: string): boolean {
    const isNew = !this.#questions.delete(question)
    const oldest = this.#questions.keys().next()
    if (this.#questions.size >= questionsMax && !oldest.done) this.#questions.delete(oldest.value)
    this.#questions.add(question)
    return isNew
  }
}

const hit: HeaderList = ['Age', '0', 'X-Cache', 'HIT']
const miss: HeaderList = ['X-Cache', 'MISS']

function withHeaders<Value>({ value, index, headers }: Read<Value>, more: HeaderList): Read<Value> {
  return { value, index, headers: [...more, ...headers] }
}
