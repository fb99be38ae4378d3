import type { DialectContext } from "../dialect.ts";
import type { Call } from "../kit/mod.ts";
import { changesFor } from "./changes.ts";
import { readConfigured } from "./configuration.ts";
import type { Envelope } from "./envelope.ts";
import { readWanted, toDocument } from "./members.ts";
import type { Answer } from "./requests.ts";
import { ResultCode, ResultError } from "./result_code.ts";

/** `req` 11: what is configured, with what waits for a restart. */
export async function readConfiguration(
  context: DialectContext,
  _envelope: Envelope,
  { listener }: Call,
): Promise<Answer> {
  const { values } = await readConfigured(context);
  const isExposed = context.options.apis.nanomqV1.exposeSecrets ?? listener.isLoopback;
  return { data: JSON.stringify(toDocument(values, { secrets: isExposed ? "clear" : "hidden" })) };
}

/** `req` 12: changes what is given, all of it or nothing, for good. */
export async function writeConfiguration(
  context: DialectContext,
  { members }: Envelope,
): Promise<Answer> {
  const data = dataOf(members);
  try {
    return await change(context, data);
  } catch (error) {
    // The product's answer has no words for it.
    context.logger.info("A change of the configuration through the NanoMQ API is refused", {
      reason: error instanceof Error ? error.message : String(error),
    });
    throw error;
  }
}

async function change(
  context: DialectContext,
  data: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  // One after the other: each builds on what there is.
  return await context.files.use(async (keep): Promise<Answer> => {
    const configured = await readConfigured(context);
    const wanted = readWanted(data, configured.values);
    const changes = await changesFor(configured, wanted, keep);
    const { afterRestart } = await context.management.settings.change(changes);
    return { headers: [["x-restart-required", String(afterRestart.length > 0)]] };
  });
}

function dataOf(members: Envelope["members"]): Readonly<Record<string, unknown>> {
  const data = members?.["data"];
  if (data === undefined) {
    throw new ResultError(400, ResultCode.parameterMissing, "There is no data");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new ResultError(400, ResultCode.parameterWrong, "data is no object");
  }
  return data as Readonly<Record<string, unknown>>;
}
