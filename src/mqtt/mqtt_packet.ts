import { type Packet, parser as createParser, writeToStream } from "mqtt-packet";
import type { ProtocolVersion } from "./packet.ts";
import { malformed, PacketEncodeError, ProtocolError } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { encodeUtf8 } from "./utf8.ts";

/**
 * The seam to the package mqtt-packet: what it wants and gives is known here and in the two files
 * that translate packets, nowhere else.
 */
export type ForeignPacket = Packet;

/** What mqtt-packet takes for bytes. It asks for a Buffer and is content with a Uint8Array. */
type ForeignBytes = Parameters<ReturnType<typeof createParser>["parse"]>[0];

interface ForeignParser {
  readonly parser: ReturnType<typeof createParser>;
  readonly packets: ForeignPacket[];
  readonly errors: unknown[];
}

/** One for each version, so that what a parser remembers of the last CONNECT is always right. */
const parsers = new Map<ProtocolVersion, ForeignParser>();

/**
 * Parses one whole frame. A parser is used again only after it has made one packet of one frame and holds
 * nothing back, for making one costs more than parsing: nothing of one client can reach another. The packet's
 * bytes are views of the frame.
 */
export function parseForeign(frame: Uint8Array, version: ProtocolVersion): ForeignPacket {
  const foreign = parsers.get(version) ?? createForeignParser(version);
  parsers.delete(version);
  const { parser, packets, errors } = foreign;
  let heldBytes = 0;
  try {
    heldBytes = parser.parse(frame as ForeignBytes);
  } catch (error) {
    errors.push(error);
  }
  if (errors.length > 0) {
    const [cause] = errors;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ProtocolError(ReasonCode.malformedPacket, `Cannot read packet: ${detail}`, { cause });
  }
  const packet = packets.pop();
  if (packet === undefined) throw malformed("Cannot read packet: it is not complete");
  if (heldBytes === 0 && packets.length === 0) parsers.set(version, foreign);
  return packet;
}

function createForeignParser(version: ProtocolVersion): ForeignParser {
  const parser = createParser({ protocolVersion: version });
  const packets: ForeignPacket[] = [];
  const errors: unknown[] = [];
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => errors.push(error));
  return { parser, packets, errors };
}

/** Collects what mqtt-packet writes: the part of a stream that it really uses. */
class Collector {
  readonly chunks: Uint8Array[] = [];
  length = 0;

  write(chunk: string | Uint8Array): boolean {
    const bytes = typeof chunk === "string" ? encodeUtf8(chunk) : chunk;
    this.chunks.push(bytes);
    this.length += bytes.length;
    return true;
  }

  destroy(error: Error): void {
    throw error;
  }
}

/** Encodes one packet in bytes of its own. Throws PacketEncodeError for what mqtt-packet refuses. */
export function generateForeign(packet: ForeignPacket, version: ProtocolVersion): Uint8Array {
  // Its cache of all 65,536 numbers as buffers costs megabytes and saves next to nothing here.
  if (writeToStream.cacheNumbers) writeToStream.cacheNumbers = false;
  const collector = new Collector();
  const stream = collector as unknown as Parameters<typeof writeToStream>[1];
  try {
    writeToStream(packet, stream, { protocolVersion: version });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new PacketEncodeError(`Cannot encode ${packet.cmd}: ${detail}`, { cause });
  }
  if (collector.length === 0) {
    throw new PacketEncodeError(`Cannot encode ${packet.cmd}: refused without a reason`);
  }
  const bytes = new Uint8Array(collector.length);
  let at = 0;
  for (const chunk of collector.chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
