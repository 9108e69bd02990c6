import { useEffect, useState } from 'preact/hooks'

import { Keys } from './pages/keys.tsx'
import { Nodes } from './pages/nodes.tsx'
import { Services } from './pages/services.tsx'

/** Every page: ONE row each. The name is also what follows `#/` in the address. */
const pages = [
  { name: 'services', title: 'Services', Page: Services },
  { name: 'nodes', title: 'Nodes', Page: Nodes },
  { name: 'kv', title: 'Key/Value', Page: Keys },
] as const

export function App() {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = (): void => setHash(location.hash)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const { name: current, Page } = pages.find(({ name }) => hash === `#/${name}`) ?? pages[0]
  return (
    <>
      <header>
        <h1>Praetor</h1>
        <nav>
          {pages.map(({ name, title }) => (
            <a key={name} href={`#/${name}`} aria-current={name === current ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        <Page />
      </main>
    </>
  )
}
