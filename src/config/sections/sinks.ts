import { isHostPattern, type SinksOptions } from "../../sinks/mod.ts";
import { list, orNone, text, textLike } from "../kind_text.ts";
import { afterRestart, key, section } from "../schema.ts";

const HOSTS = list(
  textLike(
    'host name, "*." and a domain, address or network, such as "10.0.0.0/8"',
    isHostPattern,
  ),
);

/** `[sinks]` */
export const SINKS = section<SinksOptions>("at reload", {
  allowHosts: key("allow_hosts", HOSTS, []),
  denyHosts: key("deny_hosts", HOSTS, []),
  folder: afterRestart(key("folder", orNone(text({ maxLength: 4096 })), "")),
});
