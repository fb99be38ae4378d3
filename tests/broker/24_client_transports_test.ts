/** `broker pub` and `broker sub` over everything that MQTT travels over here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CertificateFolder } from "../support/certificates.ts";
import { type RunningBroker, runToEnd, withBroker } from "../support/start_broker.ts";
import { tlsSkip } from "../support/tls_target.ts";

function portOf(broker: RunningBroker, type: string): number {
  return broker.ready.listeners.find((listener) => listener.type === type)?.port ?? 0;
}

/** A retained message goes out by `pub` and comes back by `sub`, both with these arguments. */
async function thereAndBack(where: readonly string[]): Promise<void> {
  const text = `over ${where.join(" ")}`;
  const large = "x".repeat(200_000);
  for (const [topic, payload] of [["small", text], ["large", large]] as const) {
    const pub = await runToEnd(["pub", ...where, "-q", "1", "-r", "-t", topic, "-s"], {
      input: payload,
    });
    assertEquals([pub.code, pub.stderr], [0, ""], where.join(" "));
    const sub = await runToEnd(["sub", ...where, "-t", topic, "-C", "1", "-W", "10"]);
    assertEquals([sub.code, sub.stderr, sub.stdout], [0, "", `${payload}\n`], where.join(" "));
  }
}

test("pub and sub over tcp, ws and a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "broker-client-"));
  const socket = join(folder, "mqtt.sock");
  const config = ["tcp", "ws"].map((type) =>
    `[[listener]]\ntype = "${type}"\nbind = "127.0.0.1:0"\n`
  );
  config.push(`[[listener]]\ntype = "unix"\nbind = "${socket}"\n`);
  try {
    await withBroker({ config: config.join("") }, async (broker) => {
      await thereAndBack(["-L", `mqtt://127.0.0.1:${portOf(broker, "tcp")}`]);
      await thereAndBack(["-L", `ws://127.0.0.1:${portOf(broker, "ws")}/mqtt`, "-V", "5"]);
      await thereAndBack(["--unix", socket, "-V", "31"]);
      const wrong = ["-L", `ws://127.0.0.1:${portOf(broker, "ws")}/other`, "-t", "a", "-m", "x"];
      const { code, stderr } = await runToEnd(["pub", ...wrong]);
      assertEquals(
        [code, stderr],
        [1, "Error: The server answers with HTTP status 404, not with a WebSocket\n"],
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  "pub and sub over tls and wss, with a certificate of their own",
  { skip: await tlsSkip() },
  async () => {
    const folder = new CertificateFolder();
    const authority = folder.authority();
    const server = authority.issue({ subject: "/CN=localhost" });
    const client = authority.issue({
      subject: "/CN=device",
      extensions: ["basicConstraints=CA:FALSE"],
    });
    const tls = `cert = "${server.certFile}"\nkey = "${server.keyFile}"\n`;
    const asking =
      `ca = "${authority.certFile}"\nverify_peer = true\nfail_if_no_peer_cert = true\n`;
    const config = `[[listener]]\ntype = "tls"\nbind = "127.0.0.1:0"\n${tls}${asking}` +
      `[[listener]]\ntype = "wss"\nbind = "127.0.0.1:0"\n${tls}`;
    try {
      await withBroker({ config }, async (broker) => {
        const [tlsPort, wssPort] = [portOf(broker, "tls"), portOf(broker, "wss")];
        const trust = ["--cafile", authority.certFile];
        const own = ["--cert", client.certFile, "--key", client.keyFile];
        await thereAndBack(["-h", "localhost", "-p", String(tlsPort), ...trust, ...own]);
        await thereAndBack([
          "-L",
          `wss://127.0.0.1:${wssPort}/mqtt`,
          ...trust,
          "--tls-version",
          "tlsv1.3",
        ]);
        const message = ["-t", "a", "-m", "x", "-q", "1"];
        const stranger = await runToEnd([
          "pub",
          "-L",
          `wss://127.0.0.1:${wssPort}/mqtt`,
          ...message,
        ]);
        assertEquals(stranger.code, 1);
        assertStringIncludes(stranger.stderr.toLowerCase(), "certificate");
        const bare = await runToEnd([
          "pub",
          "-h",
          "localhost",
          "-p",
          String(tlsPort),
          ...trust,
          ...message,
        ]);
        assertEquals(bare.code !== 0, true);
        const missing = await runToEnd(["pub", "--cafile", join(folder.path, "none"), ...message]);
        assertEquals(missing.code, 1);
        assertStringIncludes(missing.stderr, "Error: Cannot read ");
      });
    } finally {
      folder.remove();
    }
  },
);
