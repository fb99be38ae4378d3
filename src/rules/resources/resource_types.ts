// deno-lint-ignore-file camelcase -- the spelling of the product
import type { ParamSpecs, Text } from "../params/param_spec.ts";
import type { Flavor } from "../rule.ts";

/** What a resource can be. */
export const RESOURCE_TYPES = ["built_in", "web_hook", "file", "sqlite"] as const;
export type ResourceType = typeof RESOURCE_TYPES[number];

/** A type with the words of one generation of EMQX. */
export interface ResourceTypeForm {
  readonly flavor: Flavor;
  readonly name: ResourceType;
  readonly provider: string;
  readonly params: ParamSpecs;
  /** Only of 3.2. */
  readonly title: Text | undefined;
  readonly description: Text;
}

/** What the catalogue of the product does not tell of, and works all the same: it is checked, and kept. */
interface TypeSpecs {
  readonly shown: ParamSpecs;
  readonly further: ParamSpecs;
}

const URL_FORMAT = { type: "string", format: "url", required: true } as const;
const HEADERS = { type: "object", schema: {}, default: {} } as const;
const METHOD = { type: "string", enum: ["PUT", "POST"], default: "POST" } as const;

const WEB_HOOK_31: ParamSpecs = {
  headers: { ...HEADERS, title: "Request Header", description: "Request Header" },
  method: { ...METHOD, title: "Request Method", description: "Request Method" },
  url: { ...URL_FORMAT, title: "Request URL", description: "Request URL" },
};

const WEB_HOOK_32: ParamSpecs = {
  url: {
    order: 1,
    ...URL_FORMAT,
    title: { en: "Request URL", zh: "请求 URL" },
    description: { en: "Request URL", zh: "请求 URL" },
  },
  method: {
    order: 2,
    ...METHOD,
    title: { en: "Request Method", zh: "请求方法" },
    description: { en: "Request Method", zh: "请求方法" },
  },
  headers: {
    order: 3,
    ...HEADERS,
    title: { en: "Request Header", zh: "请求头" },
    description: { en: "Request Header", zh: "请求头" },
  },
};

const FILE: ParamSpecs = {
  path: {
    order: 1,
    type: "string",
    required: true,
    title: { en: "File", zh: "文件" },
    description: { en: "Path of the file, below the folder for such files", zh: "文件路径" },
  },
  max_size: {
    order: 2,
    type: "number",
    range: [0, Number.MAX_SAFE_INTEGER],
    default: 104_857_600,
    title: { en: "Largest Size", zh: "文件大小上限" },
    description: {
      en: "Bytes from which on a new file is begun; 0: never",
      zh: "超过该字节数后创建新文件;0 表示不限制",
    },
  },
  max_files: {
    order: 3,
    type: "number",
    range: [0, 1000],
    default: 5,
    title: { en: "Old Files", zh: "旧文件数" },
    description: { en: "Full files that are kept", zh: "保留的旧文件数量" },
  },
  sync: {
    order: 4,
    type: "boolean",
    default: false,
    title: { en: "Wait for the Disk", zh: "同步写入" },
    description: { en: "Whether a line counts only when the disk has it", zh: "是否等待数据落盘" },
  },
};

const SQLITE: ParamSpecs = {
  path: {
    order: 1,
    type: "string",
    required: true,
    title: { en: "Database", zh: "数据库文件" },
    description: {
      en: "Path of the database, below the folder for such files",
      zh: "数据库文件路径",
    },
  },
  table: {
    order: 2,
    type: "string",
    required: true,
    title: { en: "Table", zh: "表" },
    description: { en: "Table that rows go to", zh: "写入的表名" },
  },
  columns: {
    order: 3,
    type: "object",
    schema: {},
    default: {},
    title: { en: "Columns", zh: "列" },
    description: {
      en: "Columns, with the selected member that each takes; without any each member is a column",
      zh: "列名与所选字段的对应关系;缺省时每个字段对应同名列",
    },
  },
  create_table: {
    order: 4,
    type: "boolean",
    default: true,
    title: { en: "Create Table", zh: "自动建表" },
    description: { en: "Whether a table that is not there is made", zh: "表不存在时是否创建" },
  },
  sync: {
    order: 5,
    type: "boolean",
    default: false,
    title: { en: "Wait for the Disk", zh: "同步写入" },
    description: { en: "Whether a row counts only when the disk has it", zh: "是否等待数据落盘" },
  },
};

/** Of every type that takes things: what waits for it. */
const QUEUE: ParamSpecs = {
  queue_max: { type: "number", range: [1, 1_000_000] },
  when_full: { type: "string", enum: ["drop_newest", "drop_oldest"] },
};

const SPECS: Readonly<Record<ResourceType, TypeSpecs>> = {
  built_in: { shown: {}, further: {} },
  web_hook: {
    shown: WEB_HOOK_32,
    further: {
      ...QUEUE,
      pool_size: { type: "number", range: [1, 64] },
      verify: { type: "boolean" },
      ca: { type: "string" },
    },
  },
  file: { shown: FILE, further: QUEUE },
  sqlite: { shown: SQLITE, further: QUEUE },
};

const FORMS_31: readonly ResourceTypeForm[] = [
  {
    flavor: "3.1",
    name: "built_in",
    provider: "emqx_rule_engine",
    params: {},
    title: undefined,
    description: "The built in resource type for debug purpose",
  },
  {
    flavor: "3.1",
    name: "web_hook",
    provider: "emqx_web_hook",
    params: WEB_HOOK_31,
    title: undefined,
    description: "WebHook Resource",
  },
];

/** By their English titles. */
const FORMS_32: readonly ResourceTypeForm[] = [
  {
    flavor: "3.2",
    name: "file",
    provider: "emqx_rule_engine",
    params: FILE,
    title: { en: "File", zh: "文件" },
    description: { en: "Lines in a File", zh: "按行写入文件" },
  },
  {
    flavor: "3.2",
    name: "sqlite",
    provider: "emqx_rule_engine",
    params: SQLITE,
    title: { en: "SQLite", zh: "SQLite" },
    description: { en: "Rows in a Table of SQLite", zh: "写入 SQLite 表" },
  },
  {
    flavor: "3.2",
    name: "web_hook",
    provider: "emqx_web_hook",
    params: WEB_HOOK_32,
    title: { en: "WebHook", zh: "WebHook" },
    description: { en: "WebHook", zh: "WebHook" },
  },
];

/** The types in the words of one generation, in the order in which they are listed. */
export function resourceTypeForms(flavor: Flavor): readonly ResourceTypeForm[] {
  return flavor === "3.1" ? FORMS_31 : FORMS_32;
}

export function isResourceType(name: string): name is ResourceType {
  return (RESOURCE_TYPES as readonly string[]).includes(name);
}

/** All that the configuration of such a resource is checked against. */
export function resourceSpecs(type: ResourceType): ParamSpecs {
  const { shown, further } = SPECS[type];
  return { ...shown, ...further };
}
