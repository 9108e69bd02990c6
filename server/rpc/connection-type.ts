/**
 * The first byte of a connection to the server port says what the rest of it is. Consul's numbers; ours for Raft is far from
 * them, since what follows it is a protocol of our own.
 */
export const connectionType = {
  /** Calls, one after the other, straight on the connection. */
  consul: 0x00,
  /** Consul's own Raft, which we neither speak nor answer. */
  raft: 0x01,
  /** The older multiplexing, which Consul 0.7 gave up. */
  multiplex: 0x02,
  /** TLS; within it the first byte speaks again. */
  tls: 0x03,
  /** Yamux, with calls on every stream. */
  multiplexV2: 0x04,
  snapshot: 0x05,
  gossip: 0x06,
  /** TLS without proof of who calls: for a client that is only now asking for its certificate. */
  tlsInsecure: 0x07,
  grpc: 0x08,
  /** Raft between Praetor servers ('P'). */
  praetorRaft: 0x50,
} as const
