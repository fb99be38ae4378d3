import type { ByteSocket } from "../../src/runtime/mod.ts";

/** A socket that takes everything at once and keeps nothing. */
export class NullSocket implements ByteSocket {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 1;
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  readonly chunksAreStable: boolean;
  writtenBytes = 0;
  writes = 0;
  isPaused = false;

  constructor(chunksAreStable = false) {
    this.chunksAreStable = chunksAreStable;
  }

  write(_bytes: Uint8Array, start: number, end: number): boolean {
    this.writtenBytes += end - start;
    this.writes++;
    return true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {}
  abort(): void {}
}
