/** The part of npm's `raw-socket` that is used here; the package brings no declarations. */
declare module "raw-socket" {
  export interface Socket {
    on(event: "message", listener: (octets: Buffer, source: string) => void): this;
    on(event: "error", listener: (error: Error) => void): this;
    on(event: "close", listener: () => void): this;
    setOption(level: number, option: number, value: Buffer, length: number): void;
    getOption(level: number, option: number, value: Buffer, length: number): number;
    close(): void;
  }
  interface RawSocketModule {
    createSocket(options: { protocol: number; addressFamily: number; bufferSize: number }): Socket;
    readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number };
  }
  const raw: RawSocketModule;
  export default raw;
}
