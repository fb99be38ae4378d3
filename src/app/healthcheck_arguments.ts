import { FILE_OPTIONS, readConfigArguments, SOURCES_TEXT } from "./config_options.ts";
import type { ConfigArguments } from "./config_options.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

/** What `broker healthcheck` is asked for. */
export interface HealthcheckArguments extends ConfigArguments {
  /** Undefined: where the configuration says. */
  readonly url: URL | undefined;
  readonly timeoutS: number;
  /** Undefined: authorities that the runtime trusts. */
  readonly caFile: string | undefined;
  readonly isInsecure: boolean;
}

const TIMEOUT_S = 5;
const TIMEOUT_S_MAX = 300;

export const HEALTHCHECK_TABLE: CommandTable = {
  name: "healthcheck",
  summary: "Says by its exit status whether a broker is ready",
  usage: ["healthcheck [options]"],
  operandsMax: 0,
  introduction:
    `Asks /readyz, which a web server with "health" among its apis has: ready is a broker that takes
clients and keeps what it promises. Without --url it asks the first such [[http]] of the
configuration, on this machine, and believes its certificate as it is.`,
  groups: [{
    title: "Options",
    options: [
      {
        name: "url",
        value: "URL",
        help: "whom to ask, such as http://127.0.0.1:8080; without a path, /readyz is meant",
      },
      {
        name: "timeout",
        value: "SECONDS",
        range: [1, TIMEOUT_S_MAX],
        help: `the longest that it may take, 1 to ${TIMEOUT_S_MAX}; default ${TIMEOUT_S}`,
      },
      {
        name: "cafile",
        value: "FILE",
        completes: "file",
        help: "certificates of the authorities that are trusted, in PEM; for --url",
      },
      { name: "insecure", help: "takes any certificate; for --url" },
      ...FILE_OPTIONS,
    ],
  }],
  closing: `${SOURCES_TEXT}

Exit status: 0 ready, 1 not, with the reason on standard error, 2 wrong command line.

Examples:
  broker healthcheck --config /etc/broker/broker.toml
  HEALTHCHECK CMD ["/broker", "healthcheck"]        in a Dockerfile`,
};

export function readHealthcheck(parsed: ParsedOptions): HealthcheckArguments | readonly string[] {
  const text = parsed.text("url");
  const url = text === undefined ? undefined : readUrl(text);
  if (typeof url === "string") return [url];
  if (url === undefined) {
    const foreign = ["cafile", "insecure"].filter((name) => parsed.has(name));
    if (foreign.length > 0) return foreign.map((name) => `option --${name} is for --url`);
  }
  return {
    ...readConfigArguments(parsed),
    url,
    timeoutS: parsed.number("timeout") ?? TIMEOUT_S,
    caFile: parsed.text("cafile"),
    isInsecure: parsed.has("insecure"),
  };
}

/** A text: what is wrong with it. */
function readUrl(text: string): URL | string {
  const problem = `option --url is "${text}", allowed is http://HOST[:PORT][/PATH] or https://…`;
  if (!URL.canParse(text)) return problem;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return problem;
  if (url.pathname === "/") url.pathname = "/readyz";
  return url;
}
