export * from "./runtime.ts";
export * from "./child.ts";
export * from "./tls.ts";
export {
  ConnectError,
  type ConnectOptions,
  type ServerVerification,
  type Takeover,
  type TcpConnectOptions,
  type TlsConnectOptions,
  type TlsVersion,
  type UnixConnectOptions,
} from "./connect.ts";
export * from "./http_client.ts";
export { lowerThreadPriority } from "./thread_priority.ts";
export { systemErrorText } from "./system_error.ts";
export * from "./web.ts";
export { type DigestName, hexDigest, sha1Base64 } from "./digest.ts";
export {
  allocateBytes,
  copyAlone,
  copyBeside,
  type CopyBytes,
  copyBytes,
  copyOut,
  type Place,
  SLAB_COPY_MAX,
} from "./bytes.ts";
import type { Runtime } from "./runtime.ts";

/** The runtime that this program runs on. */
export async function loadRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) {
    const { BunRuntime } = await import("./bun.ts");
    return new BunRuntime();
  }
  const { DenoRuntime } = await import("./deno.ts");
  return new DenoRuntime();
}
