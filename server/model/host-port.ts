/** `host:port`, with brackets around an IPv6 address, as Go's `net.JoinHostPort` writes it. */
export function hostPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
