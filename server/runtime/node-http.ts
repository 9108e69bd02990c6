/**
 * node:http, got without its ES module: to make that, Node evaluates each of its exports, and fetch, WebSocket and the client that
 * they bring are 12 MB of every process that never asks for them.
 */
export const http = process.getBuiltinModule('node:http')
