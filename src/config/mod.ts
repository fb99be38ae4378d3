export { formatBind, isLoopback } from "./address.ts";
export { DEFAULT_FILE } from "./default_text.ts";
export {
  compareConfigurations,
  type ConfigChanges,
  type ConfigFile,
  type ConfigSources,
  type Configuration,
  loadConfig,
} from "./load.ts";
export { ConfigError, type ConfigProblem, formatProblem } from "./problem.ts";
export type { NodeOptions } from "./sections/node.ts";
export type { PersistenceOptions } from "./sections/persistence.ts";
export { type Setting, settingFromFlag } from "./settings.ts";
export { nearest } from "./suggest.ts";
