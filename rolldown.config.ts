import { join } from 'node:path'

import { defineConfig } from 'rolldown'
import type { InputOptions, OutputOptions, Plugin } from 'rolldown'

/** An agent keeps the source of what it runs and no more. Names are kept: a stack in a log says where it was. */
export const minify = {
  mangle: false,
  compress: true,
  codegen: { removeWhitespace: true },
} satisfies OutputOptions['minify']

/** The whole program, of which what is not wanted at once stays in files of its own. */
export const program: InputOptions = {
  input: join(import.meta.dirname, 'agent/main.ts'),
  platform: 'node',
  plugins: [asciiOnly()],
}

/** What `npm run build:js` makes of it. */
export default defineConfig({
  ...program,
  output: { dir: 'dist/agent', cleanDir: true, minify },
})

/** V8 keeps a source with one character beyond Latin 1 in two bytes a character, for as long as anything of it may run. */
function asciiOnly(): Plugin {
  return {
    name: 'ascii-only',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle))
        if (file.type === 'chunk')
          file.code = file.code.replaceAll(
            /[^\0-\x7f]/g,
            (unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
          )
    },
  }
}
