import type { ProtocolVersion, Qos, ReasonCode } from "../mqtt/mod.ts";
import type { FrameRun } from "./frame_run.ts";
import type { FramedMessage } from "./message.ts";
import type { Publication } from "./publication.ts";
import type { PublishRun } from "./publish_run.ts";

/** What a session writes to while its client is connected. */
export interface Outlet {
  readonly version: ProtocolVersion;
  /** Too much is unsent: QoS 0 is dropped, QoS 1 and 2 wait in the session. */
  readonly isFull: boolean;
  /**
   * Sends one PUBLISH. False: it is larger than the client takes, and nothing was sent [MQTT-3.1.2-24].
   */
  publish(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    identifiers: readonly number[],
    packetId: number,
  ): boolean;
  /** Whether `publishRun`, or at QoS 1 and 2 `forwardRun`, may send these: they are in the client's version, and none needs anything of its own. */
  canPublishRun(run: Pick<PublishRun, "version" | "largestFrame">): boolean;
  /** Sends them as they are, at QoS 0; the run is the caller's again at once. */
  publishRun(run: PublishRun): void;
  /** Whether `forward` may send this message: its frame is in the client's version and needs nothing of its own. */
  canForward(message: FramedMessage): boolean;
  /** Sends the frame of a message as it is, with its own QoS and retain flag. */
  forward(message: FramedMessage, packetId: number): void;
  /** Whether several may be sent with `forwardRun`: nobody wants to know of each. */
  readonly forwardsRuns: boolean;
  /** The same of several messages, each of which `canForward` or which are part of what `canPublishRun`; the run is the caller's again at once. */
  forwardRun(run: FrameRun): void;
  /** Sends PUBREL. */
  release(packetId: number, reasonCode: ReasonCode): void;
}
