/**
 * The part of npm's `pcap` that is used here; the package's own declarations leave out what tells how reading
 * ended.
 */
declare module "pcap" {
  /** One buffer and one header for all packets of a session: copy what is kept. */
  export interface PacketWithHeader {
    readonly buf: Buffer;
    readonly header: Buffer;
  }
  export interface OfflineSession {
    readonly link_type: string;
    /** The binding: packets delivered, 0 at the end, below 0 where reading broke off. */
    readonly session: { dispatch(buffer: Buffer, header: Buffer): number };
    readonly buf: Buffer;
    readonly header: Buffer;
    on(event: "packet", listener: (packet: PacketWithHeader) => void): this;
    on(event: "complete", listener: () => void): this;
    close(): void;
  }
  interface PcapModule {
    createOfflineSession(path: string): OfflineSession;
  }
  const pcap: PcapModule;
  export default pcap;
}
