import type { HeapProfiler, Profiler, Runtime } from 'node:inspector'

import type { Frame, Profile, Sample } from './pprof.ts'

/** When and how a profile was taken. */
export interface Taken {
  readonly wallMs: number
  readonly durationMs: number
  /** Microseconds between samples of the CPU, bytes between those of the heap. */
  readonly interval: number
}

/** Time on the CPU by stack. What V8 counts as idle was none. */
export function cpuProfile(profile: Profiler.Profile, taken: Taken): Profile {
  const micros = timeByNode(profile)
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const callers = new Map<number, number>()
  for (const { id, children = [] } of profile.nodes)
    for (const child of children) callers.set(child, id)
  const stackOf = (id: number): Frame[] => {
    const stack: Frame[] = []
    for (let at: number | undefined = id; at !== undefined; at = callers.get(at)) {
      const frame = nodes.get(at)?.callFrame
      if (frame !== undefined && frame.functionName !== rootName) stack.push(frameOf(frame))
    }
    return stack
  }
  const samples = profile.nodes.flatMap(({ id, callFrame, hitCount = 0 }): Sample[] => {
    const isBusy = hitCount > 0 && !restNames.has(callFrame.functionName)
    return isBusy ? [{ stack: stackOf(id), values: [hitCount, (micros.get(id) ?? 0) * 1000] }] : []
  })
  const counted = [
    ['samples', 'count'],
    ['cpu', 'nanoseconds'],
  ] as const
  return { ...taken, counted, period: taken.interval * 1000, samples }
}

/** Bytes that were allocated since sampling began and are still in use, by the stack that allocated them. */
export function heapProfile({ head }: HeapProfiler.SamplingHeapProfile, taken: Taken): Profile {
  const samples: Sample[] = []
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, callers: readonly Frame[]): void => {
    const isRoot = node.callFrame.functionName === rootName
    const stack = isRoot ? callers : [frameOf(node.callFrame), ...callers]
    if (node.selfSize > 0) samples.push({ stack, values: [node.selfSize] })
    for (const child of node.children) visit(child, stack)
  }
  visit(head, [])
  return { ...taken, counted: [['inuse_space', 'bytes']], period: taken.interval, samples }
}

/** How many of each kind of thing the process waits for: what goroutines are to a program in Go. */
export function waitingProfile(kinds: readonly string[], taken: Taken): Profile {
  const counts = new Map<string, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const samples = Array.from(counts, ([name, count]): Sample => {
    return { stack: [{ name, file: '', line: 0 }], values: [count] }
  })
  return { ...taken, counted: [['waiting', 'count']], period: 1, samples }
}

const rootName = '(root)'
const restNames: ReadonlySet<string> = new Set([rootName, '(idle)'])

function frameOf({ functionName, url, lineNumber }: Runtime.CallFrame): Frame {
  return { name: functionName || '(anonymous)', file: url, line: lineNumber + 1 }
}

/** A sample stands for the time until the next. */
function timeByNode({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const micros = new Map<number, number>()
  samples.forEach((id, at) => {
    const untilNext = Math.max(0, timeDeltas[at + 1] ?? 0)
    micros.set(id, (micros.get(id) ?? 0) + untilNext)
  })
  return micros
}
