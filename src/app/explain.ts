import { AclAuthorizer } from "../auth/mod.ts";
import { type LoadedConfig, placeOf } from "../config/mod.ts";
import { isValidTopicName, parseTopicFilter } from "../mqtt/mod.ts";
import type { Explanation, Identity } from "../ports/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { readAclPolicy } from "./acl.ts";
import { EXIT_WRONG_CONFIGURATION, problemReport } from "./application.ts";
import type { ExplainArguments } from "./acl_arguments.ts";
import { readConfiguration } from "./configuration.ts";

const EXIT_ALLOWED = 0;
const EXIT_DENIED = 1;

/** Prints what the access rules make of something, and why; resolves with the exit status. */
export async function explainAccess(runtime: Runtime, args: ExplainArguments): Promise<number> {
  const wrong = (problems: readonly string[]): number => {
    runtime.writeStderr(problemReport(problems));
    return EXIT_WRONG_CONFIGURATION;
  };
  const { loaded, problems } = await readConfiguration(runtime, args);
  if (loaded === undefined) return wrong(problems);
  const { acl } = loaded.configuration;
  const reading = await readAclPolicy(runtime, acl);
  if (reading.policy === undefined) return wrong(reading.problems);
  const invalid = topicProblem(args);
  if (invalid !== undefined) {
    runtime.writeStderr(`broker: ${invalid}\n`);
    return EXIT_WRONG_CONFIGURATION;
  }
  const { clientId, username, action, topic } = args;
  const identity: Identity = {
    clientId,
    username,
    remoteAddress: args.address,
    method: username === undefined ? "anonymous" : "config",
  };
  const authorizer = new AclAuthorizer(reading.policy);
  const answer = authorizer.explain(identity, action, topic);
  const who = `${username === undefined ? "no user name" : `user ${JSON.stringify(username)}`}, ` +
    `client ${JSON.stringify(clientId)}, address ${args.address}`;
  runtime.writeStdout(
    `${answer.decision}: ${action} ${JSON.stringify(topic)} (${who})\n${ruleLine(answer, loaded)}`,
  );
  if (answer.decision === "deny") return EXIT_DENIED;
  if (action === "subscribe") {
    const withholding = authorizer.withholding(identity, topic);
    if (withholding.length > 0) {
      runtime.writeStdout("Of what is delivered, these rules may keep something back:\n");
    }
    for (const rule of withholding) runtime.writeStdout(ruleLine(rule, loaded));
  }
  return EXIT_ALLOWED;
}

/** What would not get as far as a rule. */
function topicProblem({ action, topic }: ExplainArguments): string | undefined {
  if (action !== "subscribe") {
    if (isValidTopicName(topic)) return undefined;
    return `${JSON.stringify(topic)} is no topic name; wildcards are for "subscribe"`;
  }
  const parsed = parseTopicFilter(topic);
  return parsed.valid ? undefined : `topic filter ${JSON.stringify(topic)} ${parsed.problem}`;
}

function ruleLine({ source, rule }: Explanation, loaded: LoadedConfig): string {
  const [, index] = /^acl\.rule\.(\d+)$/.exec(source) ?? [];
  const place = index === undefined ? "" : ` at ${placeOf(loaded, ["acl", "rule", Number(index)])}`;
  return `  ${source}${place}: ${rule}\n`;
}
