import {
  decodeMessageProperties,
  encodeUtf8,
  type MessageProperties,
  type PublishView,
  subscriptionIdentifiersOf,
} from "../mqtt/mod.ts";
import { compactJson, messageJson, payloadText, prettyJson } from "./message_json.ts";
import type { OutputBuffer } from "./output_buffer.ts";
import { isoTime, type Moment, momentOf, strftime } from "./strftime.ts";

/** What a format has to know of a message and its circumstances. */
export interface FormatContext {
  readonly view: PublishView;
  /** Also where an alias stands for it. */
  readonly topic: () => string;
  /** When it came, since 1970, with fractions. */
  readonly nowMs: () => number;
  readonly isPretty: boolean;
  /** Something is wrong with this message, but not with the rest. */
  readonly complain: (problem: string) => void;
}

interface Field {
  readonly letter: string;
  readonly isLeft: boolean;
  readonly isZero: boolean;
  /** 0: none. */
  readonly width: number;
  /** Infinity: none. */
  readonly precision: number;
}

type Piece =
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "field"; readonly field: Field }
  /** Of `@`. */
  | { readonly kind: "time"; readonly letter: string };

const LETTERS = "%ACDEFIJPRSUXjlmpqrtx";
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "0": "\0",
  a: "\x07",
  e: "\x1b",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const WIDTH_MAX = 10_000;
const ZERO = 0x30;
const BLANK = 0x20;
const LOWER_DIGITS = encodeUtf8("0123456789abcdef");
const UPPER_DIGITS = encodeUtf8("0123456789ABCDEF");
const PART = /%([-0]*)(\d*)(?:\.(\d*))?([^]?)|@([^]?)|\\([^]?)|[^%@\\]+/gu;

/** An output format of `sub`, taken apart once. */
export class MessageFormat {
  readonly #pieces: readonly Piece[];

  private constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** The format, or what is wrong with it. */
  static parse(text: string): MessageFormat | string {
    const pieces: Piece[] = [];
    for (const match of text.matchAll(PART)) {
      const piece = toPiece(match);
      if (typeof piece === "string") return piece;
      pieces.push(piece);
    }
    return new MessageFormat(pieces);
  }

  write(out: OutputBuffer, context: FormatContext): void {
    const message = new FormattedMessage(context);
    for (const piece of this.#pieces) {
      if (piece.kind === "text") out.bytes(piece.bytes);
      else if (piece.kind === "time") out.text(message.time(piece.letter));
      else message.write(out, piece.field);
    }
  }
}

function toPiece(match: RegExpMatchArray): Piece | string {
  const [whole, flags = "", width = "", precision, letter, time, escape] = match;
  if (letter !== undefined) {
    if (letter === "") return "Incomplete format specifier";
    if (!LETTERS.includes(letter)) return `Invalid format specifier '${letter}'`;
    if (letter === "%") return plain("%");
    if (Number(width) > WIDTH_MAX) return `Field width ${width} is over ${WIDTH_MAX}`;
    return {
      kind: "field",
      field: {
        letter,
        isLeft: flags.includes("-"),
        isZero: flags.includes("0") && !flags.includes("-"),
        width: Number(width),
        precision: precision === undefined ? Infinity : Number(precision),
      },
    };
  }
  if (time !== undefined) {
    if (time === "") return "Incomplete format specifier";
    return time === "@" ? plain("@") : { kind: "time", letter: time };
  }
  if (escape === undefined) return plain(whole);
  if (escape === "") return "Incomplete escape specifier";
  const meant = ESCAPES[escape];
  return meant === undefined ? `Invalid escape specifier '${escape}'` : plain(meant);
}

function plain(text: string): Piece {
  return { kind: "text", bytes: encodeUtf8(text) };
}

/** One message while it is written. */
class FormattedMessage {
  readonly #context: FormatContext;
  #properties: MessageProperties | undefined;
  #moment: Moment | undefined;

  constructor(context: FormatContext) {
    this.#context = context;
  }

  time(letter: string): string {
    const moment = this.#now();
    if (letter === "N") return String(moment.nanoseconds).padStart(9, "0");
    return strftime(letter, moment);
  }

  write(out: OutputBuffer, field: Field): void {
    const { view } = this.#context;
    switch (field.letter) {
      case "A":
        return padNumber(out, field, view.topicAlias > 0 ? view.topicAlias : undefined);
      case "C":
        return padText(out, field, this.#message().contentType ?? "");
      case "D":
        return out.bytes(this.#message().correlationData ?? NOTHING);
      case "E":
        return padNumber(out, field, view.messageExpiryS >= 0 ? view.messageExpiryS : undefined);
      case "F": {
        const { payloadFormatUtf8 } = this.#message();
        return padNumber(
          out,
          field,
          payloadFormatUtf8 === undefined ? undefined : Number(payloadFormatUtf8),
        );
      }
      case "I":
        return padText(out, field, isoTime(this.#now()));
      case "J":
      case "j":
        return this.#writeJson(out, field.letter === "J");
      case "l":
        return padNumber(out, field, view.frameEnd - view.payloadStart);
      case "m":
        return padNumber(out, field, view.packetId);
      case "P":
        return out.text(
          this.#message().userProperties.map(({ name, value }) => `${name}:${value}`).join(" "),
        );
      case "p":
        return this.#writePayload(out, field);
      case "q":
        return out.text(String(view.qos));
      case "R": {
        const { responseTopic } = this.#message();
        return responseTopic === undefined ? undefined : padText(out, field, responseTopic);
      }
      case "r":
        return out.text(view.retain ? "1" : "0");
      case "S":
        return padNumber(out, field, subscriptionIdentifiersOf(view)[0]);
      case "t":
        return padText(out, field, this.#context.topic());
      case "U": {
        const { seconds, nanoseconds } = this.#now();
        return out.text(`${seconds}.${String(nanoseconds).padStart(9, "0")}`);
      }
      case "X":
        return this.#writeHex(out, field, UPPER_DIGITS);
      case "x":
        return this.#writeHex(out, field, LOWER_DIGITS);
    }
  }

  #now(): Moment {
    return this.#moment ??= momentOf(this.#context.nowMs());
  }

  #message(): MessageProperties {
    const { bytes, propertiesStart, propertiesEnd } = this.#context.view;
    return this.#properties ??= decodeMessageProperties(bytes, propertiesStart, propertiesEnd);
  }

  #writeJson(out: OutputBuffer, isPayloadJson: boolean): void {
    const { view, isPretty, complain } = this.#context;
    const topic = this.#context.topic();
    const payload = isPayloadJson ? compactJson(payloadText(view)) : undefined;
    if (isPayloadJson && payload === undefined) {
      complain(`Error: Message payload is not valid JSON on topic ${topic}.`);
      return;
    }
    const json = messageJson({ view, topic, moment: this.#now(), payload });
    out.text(isPretty ? prettyJson(json) : json);
  }

  #writePayload(out: OutputBuffer, { width, isLeft }: Field): void {
    const { bytes, payloadStart, frameEnd } = this.#context.view;
    const missing = width - (frameEnd - payloadStart);
    if (!isLeft) out.fill(BLANK, missing);
    out.bytes(bytes, payloadStart, frameEnd);
    if (isLeft) out.fill(BLANK, missing);
  }

  #writeHex(out: OutputBuffer, { width, isLeft, isZero }: Field, digits: Uint8Array): void {
    const { bytes, payloadStart, frameEnd } = this.#context.view;
    const missing = width - 2 * (frameEnd - payloadStart);
    if (!isLeft) out.fill(isZero ? ZERO : BLANK, missing);
    out.hex(bytes, payloadStart, frameEnd, digits);
    if (isLeft) out.fill(BLANK, missing);
  }
}

const NOTHING = new Uint8Array(0);

/** A number that is not there leaves its place empty. */
function padNumber(
  out: OutputBuffer,
  { width, isLeft, isZero }: Field,
  value: number | undefined,
): void {
  const text = value === undefined ? "" : String(value);
  out.text(isLeft ? text.padEnd(width) : text.padStart(width, isZero ? "0" : " "));
}

function padText(out: OutputBuffer, { width, isLeft, precision }: Field, value: string): void {
  const text = value.length > precision ? value.slice(0, precision) : value;
  out.text(isLeft ? text.padEnd(width) : text.padStart(width));
}
