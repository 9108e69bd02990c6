import { useEffect, useState } from 'preact/hooks'

export type Live<T> =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'there'; readonly value: T }
  | { readonly kind: 'failed'; readonly why: string }

const retryMs = 2_000

/** What a path of the API answers, kept true by a blocking query for as long as the component is shown. */
export function useLive<T>(path: string): Live<T> {
  const [live, setLive] = useState<Live<T>>({ kind: 'waiting' })
  useEffect(() => {
    const leaving = new AbortController()
    setLive({ kind: 'waiting' })
    void follow<T>(path, leaving.signal, setLive)
    return () => leaving.abort()
  }, [path])
  return live
}

async function follow<T>(
  path: string,
  signal: AbortSignal,
  show: (live: Live<T>) => void,
): Promise<void> {
  let index = 0
  while (!signal.aborted) {
    try {
      const response = await fetch(`/v1${path}${path.includes('?') ? '&' : '?'}index=${index}`, {
        signal,
      })
      // Keys that aren't there are an empty list to a reader.
      if (!response.ok && response.status !== 404) throw new Error(await response.text())
      show({ kind: 'there', value: (response.ok ? await response.json() : []) as T })
      const next = Number(response.headers.get('x-consul-index') ?? 0)
      // An index that went back means a restored state: begin anew.
      index = next < index ? 0 : next
    } catch (error) {
      if (signal.aborted) return
      show({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
      index = 0
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}
