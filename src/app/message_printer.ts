import type { MqttClient } from "../client/mod.ts";
import { encodeUtf8, type PublishView } from "../mqtt/mod.ts";
import type { FormatContext } from "./message_format.ts";
import type { OutputBuffer } from "./output_buffer.ts";
import { exactNowMs } from "./strftime.ts";
import type { SubArguments } from "./sub_arguments.ts";

const BLANK = 0x20;
const LINE_FEED = 0x0a;
/** In the place of a payload of no bytes, where the topic stands before it. */
const NULL_PAYLOAD = encodeUtf8("(null)");

/** Writes messages as the arguments of `sub` want them. */
export class MessagePrinter {
  readonly #args: Pick<SubArguments, "format" | "isVerbose" | "hasLineEnds" | "isPretty">;
  readonly #out: OutputBuffer;
  readonly #complain: (problem: string) => void;

  constructor(
    args: Pick<SubArguments, "format" | "isVerbose" | "hasLineEnds" | "isPretty">,
    out: OutputBuffer,
    complain: (problem: string) => void,
  ) {
    this.#args = args;
    this.#out = out;
    this.#complain = complain;
  }

  print(view: PublishView, client: Pick<MqttClient, "topicOf">): void {
    const { format, isVerbose, hasLineEnds, isPretty } = this.#args;
    const out = this.#out;
    if (format !== undefined) {
      const context: FormatContext = {
        view,
        topic: () => client.topicOf(view),
        nowMs: exactNowMs,
        isPretty,
        complain: this.#complain,
      };
      format.write(out, context);
      if (hasLineEnds) out.byte(LINE_FEED);
      return;
    }
    const { bytes, payloadStart, frameEnd, topicStart, topicEnd } = view;
    const isEmpty = payloadStart === frameEnd;
    if (isVerbose) {
      if (isEmpty && !hasLineEnds) return;
      if (topicEnd > topicStart) out.bytes(bytes, topicStart, topicEnd);
      else out.text(client.topicOf(view));
      out.byte(BLANK);
      if (isEmpty) out.bytes(NULL_PAYLOAD);
    } else if (isEmpty) return;
    out.bytes(bytes, payloadStart, frameEnd);
    if (hasLineEnds) out.byte(LINE_FEED);
  }
}
