/**
 * What encoding a message for its receivers costs, by layout: `deno run -A tests/bench/publication_bench.ts`, or the
 * same with `bun`.
 */
import { decodePublish, type ProtocolVersion, PublishView, type Qos } from "../../src/mqtt/mod.ts";
import { type Message, Publication } from "../../src/session/mod.ts";
import { type PublishFields, publishTemplate } from "./load/frames.ts";
import { Bench } from "./timing.ts";

const OPERATIONS = 1000;
const TOPIC = "bench/1/telemetry/temp";
const topicBytes = new TextEncoder().encode(TOPIC);

const bench = new Bench("publication");

function viewOf(fields: Partial<PublishFields>): PublishView {
  const all: PublishFields = {
    topic: TOPIC,
    payloadBytes: 64,
    qos: 0,
    version: 4,
    deliveries: 1,
    ...fields,
  };
  const { bytes, packetIdAt } = publishTemplate(all);
  if (packetIdAt >= 0) bytes[packetIdAt + 1] = 7;
  const view = new PublishView();
  let bodyStart = 1;
  while ((bytes[bodyStart] as number) >= 0x80) bodyStart++;
  decodePublish(view, bytes, 0, bodyStart + 1, bytes.length, all.version);
  return view;
}

function load(publication: Publication, view: PublishView): void {
  publication.loadView(view, TOPIC, topicBytes, "publisher", false, 0);
}

/** Takes a message in and encodes it for one layout. */
function measureFrame(
  name: string,
  view: PublishView,
  version: ProtocolVersion,
  qos: Qos,
): void {
  const publication = new Publication();
  bench.measure(`loadView and frame, ${name}`, OPERATIONS, () => {
    let sum = 0;
    for (let i = 0; i < OPERATIONS; i++) {
      load(publication, view);
      sum += publication.frame(version, qos, false).length;
    }
    return sum;
  });
}

const plain = viewOf({});
const acknowledged = viewOf({ qos: 1 });
const plain5 = viewOf({ version: 5 });
const expiring = viewOf({ version: 5, messageExpiryS: 60 });
const large = viewOf({ payloadBytes: 65536 });

measureFrame("as it came, 3.1.1 QoS 0", plain, 4, 0);
measureFrame("as it came, 3.1.1 QoS 1", acknowledged, 4, 1);
measureFrame("as it came, 5.0 QoS 0", plain5, 5, 0);
measureFrame("QoS 1 to QoS 0", acknowledged, 4, 0);
measureFrame("3.1.1 to 5.0", plain, 5, 0);
measureFrame("5.0 to 3.1.1", plain5, 4, 0);
measureFrame("5.0 with expiry to 5.0", expiring, 5, 0);
measureFrame("64 KiB, 3.1.1 to 5.0", large, 5, 0);

const publication = new Publication();
load(publication, plain);
publication.frame(4, 0, false);
bench.measure("frame, known layout", OPERATIONS, () => {
  let sum = 0;
  for (let i = 0; i < OPERATIONS; i++) sum += publication.frame(4, 0, false).length;
  return sum;
});

function measureOwn(name: string, view: PublishView): void {
  bench.measure(`loadView and own, ${name}`, OPERATIONS, () => {
    let sum = 0;
    for (let i = 0; i < OPERATIONS; i++) {
      load(publication, view);
      sum += publication.own().topicBytes.length;
    }
    return sum;
  });
}

measureOwn("64-byte payload", plain);
measureOwn("5.0 with expiry", expiring);

load(publication, expiring);
const atRest: Message = publication.own();
bench.measure("loadMessage and frame, message at rest", OPERATIONS, () => {
  let sum = 0;
  for (let i = 0; i < OPERATIONS; i++) {
    publication.loadMessage(atRest, 0);
    sum += publication.frame(5, 0, false).length;
  }
  return sum;
});
bench.finish();
