import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ClientTarget, ClientTls, PacketTrace } from "../client/mod.ts";
import type { ConnectPacket } from "../mqtt/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { ClientArguments, TlsArguments } from "./client_arguments.ts";

/** The longest that one step of connecting may take. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** A file that was named cannot be used; the text is for people. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";
}

/** Reads the files that TLS needs. Rejects with `FileProblem`. */
export async function targetOf(runtime: Runtime, args: ClientArguments): Promise<ClientTarget> {
  const { host, port, unixPath } = args;
  if (unixPath !== undefined) return { transport: "unix", path: unixPath };
  const tls = args.tls === undefined ? undefined : await readTls(runtime, host, args.tls);
  if (args.wsPath !== undefined) return { transport: "ws", host, port, path: args.wsPath, tls };
  return tls === undefined
    ? { transport: "tcp", host, port }
    : { transport: "tls", host, port, tls };
}

async function readTls(
  runtime: Runtime,
  host: string,
  { caFile, caPath, certFile, keyFile, isInsecure, version, protocol, ciphers }: TlsArguments,
): Promise<ClientTls> {
  const authorities = [
    ...(caFile === undefined ? [] : [await readNamed(runtime, caFile)]),
    ...(caPath === undefined ? [] : await readFolder(runtime, caPath)),
  ];
  return {
    serverName: host,
    verification: isInsecure ? "signature" : "full",
    ca: authorities.length === 0 ? undefined : authorities.join("\n"),
    cert: certFile === undefined ? undefined : await readNamed(runtime, certFile),
    key: keyFile === undefined ? undefined : await readNamed(runtime, keyFile),
    keyPassword: undefined,
    protocols: protocol === undefined ? [] : [protocol],
    minVersion: version ?? "TLSv1.2",
    maxVersion: version ?? "TLSv1.3",
    ciphers,
  };
}

async function readNamed(runtime: Runtime, path: string): Promise<string> {
  try {
    return await runtime.readTextFile(path);
  } catch (error) {
    throw new FileProblem(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}

/** Every file of the folder with a certificate in it. */
async function readFolder(runtime: Runtime, path: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    throw new FileProblem(`Cannot read folder "${path}": ${messageOf(error)}`, { cause: error });
  }
  const texts: string[] = [];
  for (const name of names.sort()) {
    const text = await runtime.readTextFile(join(path, name)).catch(() => "");
    if (text.includes("-----BEGIN CERTIFICATE-----")) texts.push(text);
  }
  if (texts.length === 0) throw new FileProblem(`There is no certificate in folder "${path}"`);
  return texts;
}

const ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MADE_UP_LENGTH = 18;

/** The whole CONNECT. `word`: what a client identifier begins with that is made up. */
export function connectPacketOf(
  runtime: Runtime,
  args: ClientArguments,
  word: string,
): ConnectPacket {
  const { clientId, idPrefix, connect } = args;
  if (idPrefix !== undefined) return { ...connect, clientId: `${idPrefix}${runtime.pid}` };
  if (clientId !== undefined) return { ...connect, clientId };
  // The server of MQTT 5 gives one that is certainly nobody else's.
  return { ...connect, clientId: connect.version === 5 ? "" : madeUpId(word) };
}

function madeUpId(word: string): string {
  const random = crypto.getRandomValues(new Uint8Array(MADE_UP_LENGTH));
  const characters = Array.from(random, (byte) => ID_CHARACTERS[byte % ID_CHARACTERS.length]);
  return `${word}-${characters.join("")}`;
}

/** A line for each packet. */
export function traceTo(write: (line: string) => void, clientId: () => string): PacketTrace {
  return (direction, name, detail) => {
    const id = clientId();
    write(`Client ${id === "" ? "(null)" : id} ${direction} ${name}${detail}\n`);
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
