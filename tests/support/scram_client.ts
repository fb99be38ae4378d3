/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), written from the standard and sharing no code with ours. */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

export class ScramClient {
  readonly #password: string;
  readonly #bare: string;
  readonly #header: string;
  readonly nonce: string;
  /** What the server must prove in the end. */
  serverSignature = "";

  constructor(
    username: string,
    password: string,
    { nonce = randomBytes(12).toString("base64"), header = "n,," } = {},
  ) {
    this.#password = password;
    this.#header = header;
    this.nonce = nonce;
    const name = username.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#bare = `n=${name},r=${nonce}`;
  }

  first(): Buffer {
    return Buffer.from(this.#header + this.#bare);
  }

  /** Throws where the server did not take up our nonce. */
  final(serverFirst: Uint8Array): Buffer {
    const message = Buffer.from(serverFirst).toString();
    const found = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(message);
    if (found === null) throw new Error(`The server's first message is "${message}"`);
    const [, nonce = "", salt = "", iterations] = found;
    if (!nonce.startsWith(this.nonce) || nonce === this.nonce) throw new Error("Not our nonce");
    const salted = pbkdf2Sync(
      this.#password,
      Buffer.from(salt, "base64"),
      Number(iterations),
      32,
      "sha256",
    );
    const clientKey = mac(salted, "Client Key");
    const withoutProof = `c=${Buffer.from(this.#header).toString("base64")},r=${nonce}`;
    const all = `${this.#bare},${message},${withoutProof}`;
    const signature = mac(createHash("sha256").update(clientKey).digest(), all);
    const proof = clientKey.map((byte, index) => byte ^ signature[index]!);
    this.serverSignature = mac(mac(salted, "Server Key"), all).toString("base64");
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString("base64")}`);
  }
}

function mac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
