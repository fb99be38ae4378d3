export { formatBind, isLoopback } from "./address.ts";
export { DEFAULT_FILE } from "./default_text.ts";
export type { Configuration } from "./assemble.ts";
export { type Changes, fixedSettings, unusableSettings, withChanges } from "./change.ts";
export {
  effectiveSettings,
  MASK,
  namedFiles,
  placeOf,
  unreadableFile,
  usedValue,
  writtenFiles,
} from "./effective.ts";
export {
  type ConfigFile,
  type ConfigSources,
  loadConfig,
  type LoadedConfig,
  loadSources,
  standardConfiguration,
} from "./load.ts";
export { ConfigError, type ConfigProblem, formatProblem } from "./problem.ts";
export { planReload, type Reload } from "./reload.ts";
export type { NodeOptions } from "./sections/node.ts";
export type { PersistenceOptions } from "./sections/persistence.ts";
export { settableKeys, type Setting, settingFromFlag } from "./settings.ts";
