/**
 * Stands in for systemd: receives the datagrams of a notification socket and prints each as a line of JSON, behind
 * one line "listening". Started by notify_socket.ts on Deno with `--unstable-net`, whatever runtime runs the test.
 */
import process from "node:process";

interface UnstableNet {
  listenDatagram(options: { transport: "unixpacket"; path: string }): AsyncIterable<
    [bytes: Uint8Array, from: unknown]
  >;
}

const [path = ""] = process.argv.slice(2);
const { Deno: deno } = globalThis as unknown as { Deno: UnstableNet };
const socket = deno.listenDatagram({ transport: "unixpacket", path });
process.stdout.write("listening\n");
for await (const [bytes] of socket) {
  process.stdout.write(`${JSON.stringify(new TextDecoder().decode(bytes))}\n`);
}
