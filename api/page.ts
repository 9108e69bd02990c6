import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of the web page, wherever they are kept. */
export interface Page {
  /** What is said where there is no page. */
  readonly missing: string
  /** A file by its path from the page's root, or undefined where there is no such file. */
  read(path: string): Promise<PageFile | undefined>
}

export interface PageFile {
  readonly bytes: Buffer
  /** An entity tag of HTTP: another one whenever the file is another. */
  readonly tag: string
}

/** A file of the page may measure this much; it is read whole. */
const fileSizeMaxBytes = 16 * 1024 * 1024

/** The page as files of a directory, read as they are asked for. */
export function directoryPage(directory: string): Page {
  return {
    missing: `There is no web page in ${directory}: "npm run build" makes it.`,
    async read(path) {
      try {
        await using file = await open(join(directory, path))
        const about = await file.stat()
        if (!about.isFile() || about.size > fileSizeMaxBytes) return undefined
        const tag = `W/"${about.mtimeMs.toString(36)}-${about.size.toString(36)}"`
        return { bytes: await file.readFile(), tag }
      } catch {
        return undefined
      }
    },
  }
}
