import type { ParamSpec, ParamSpecs, Text } from "../params/param_spec.ts";
import type { Flavor } from "../rule.ts";

/** What an action does, whatever it is called. */
export type ActionKind =
  | "inspect"
  | "republish"
  | "do_nothing"
  | "send_data"
  | "send_event"
  | "write_file"
  | "write_table";

/** An action under the name and with the words of one generation of EMQX. */
export interface ActionForm {
  readonly kind: ActionKind;
  readonly flavor: Flavor;
  readonly name: string;
  readonly app: string;
  /** An event, or "$any", "$events": what it is offered for. */
  readonly for: string;
  /** Resource types that it takes; of EMQX 3.1 exactly one, which may be "built_in" for none. */
  readonly types: readonly string[];
  readonly params: ParamSpecs;
  /** Only of 3.2. */
  readonly title: Text | undefined;
  readonly description: Text;
}

const RESOURCE_31: ParamSpec = {
  type: "string",
  required: true,
  title: "Resource ID",
  description: "Bind a resource to this action",
};

const RESOURCE_32: ParamSpec = {
  order: 1,
  type: "string",
  required: true,
  title: { en: "Resource ID", zh: "资源 ID" },
  description: { en: "Bind a resource to this action", zh: "给动作绑定一个资源" },
};

const PAYLOAD_TEMPLATE: ParamSpec = {
  order: 2,
  type: "string",
  required: false,
  input: "textarea",
  title: { en: "Line Template", zh: "内容模板" },
  description: {
    en:
      "The text that is written, with ${name} for what was selected; without it the selected data as JSON",
    zh: "写入的内容,支持 ${name} 变量;缺省为 JSON 格式的查询结果",
  },
};

/** EMQX 3.1's actions, in the order of its document. */
const FORMS_31: readonly ActionForm[] = [
  {
    kind: "republish",
    flavor: "3.1",
    name: "built_in:republish_action",
    app: "emqx_rule_engine",
    for: "message.publish",
    types: ["built_in"],
    params: {
      target_topic: {
        type: "string",
        format: "topic",
        required: true,
        title: "To Which Topic",
        description: "Repubilsh the message to which topic",
      },
    },
    title: undefined,
    description: "Republish a MQTT message to a another topic",
  },
  {
    kind: "send_event",
    flavor: "3.1",
    name: "web_hook:event_action",
    app: "emqx_web_hook",
    for: "$events",
    types: ["web_hook"],
    params: {
      $resource: RESOURCE_31,
      template: {
        type: "object",
        schema: {},
        required: false,
        title: "Payload Template",
        description: "The payload template to be filled with variables before sending messages",
      },
    },
    title: undefined,
    description: "Forward Events to Web Server",
  },
  {
    kind: "send_data",
    flavor: "3.1",
    name: "web_hook:publish_action",
    app: "emqx_web_hook",
    for: "message.publish",
    types: ["web_hook"],
    params: { $resource: RESOURCE_31 },
    title: undefined,
    description: "Forward Messages to Web Server",
  },
  {
    kind: "inspect",
    flavor: "3.1",
    name: "built_in:inspect_action",
    app: "emqx_rule_engine",
    for: "$any",
    types: ["built_in"],
    params: {},
    title: undefined,
    description: "Inspect the details of action params for debug purpose",
  },
];

/** EMQX 3.2's actions and ours, by their English titles. */
const FORMS_32: readonly ActionForm[] = [
  {
    kind: "write_file",
    flavor: "3.2",
    name: "data_to_file",
    app: "emqx_rule_engine",
    for: "$any",
    types: ["file"],
    params: { $resource: RESOURCE_32, payload_tmpl: PAYLOAD_TEMPLATE },
    title: { en: "Data to File", zh: "保存数据到文件" },
    description: { en: "Append Data to a File", zh: "将数据追加到文件" },
  },
  {
    kind: "write_table",
    flavor: "3.2",
    name: "data_to_sqlite",
    app: "emqx_rule_engine",
    for: "$any",
    types: ["sqlite"],
    params: { $resource: RESOURCE_32 },
    title: { en: "Data to SQLite", zh: "保存数据到 SQLite" },
    description: { en: "Insert Data into a Table of SQLite", zh: "将数据插入 SQLite 表" },
  },
  {
    kind: "send_data",
    flavor: "3.2",
    name: "data_to_webserver",
    app: "emqx_web_hook",
    for: "$any",
    types: ["web_hook"],
    params: { $resource: RESOURCE_32 },
    title: { en: "Data to Web Server", zh: "发送数据到 Web 服务" },
    description: { en: "Forward Messages to Web Server", zh: "将数据转发给 Web 服务" },
  },
  {
    kind: "do_nothing",
    flavor: "3.2",
    name: "do_nothing",
    app: "emqx_rule_engine",
    for: "$any",
    types: [],
    params: {},
    title: { en: "Do Nothing (debug)", zh: "空动作 (调试)" },
    description: {
      en: "This action does nothing and never fails",
      zh: "此动作什么都不做,不会失败",
    },
  },
  {
    kind: "inspect",
    flavor: "3.2",
    name: "inspect",
    app: "emqx_rule_engine",
    for: "$any",
    types: [],
    params: {},
    title: { en: "Inspect (debug)", zh: "检查 (调试)" },
    description: {
      en: "Inspect the details of action params for debug purpose",
      zh: "检查动作参数 (用以调试)",
    },
  },
  {
    kind: "republish",
    flavor: "3.2",
    name: "republish",
    app: "emqx_rule_engine",
    for: "$any",
    types: [],
    params: {
      target_topic: {
        order: 1,
        type: "string",
        required: true,
        default: "repub/to/${client_id}",
        title: { en: "Target Topic", zh: "目的主题" },
        description: {
          en: "To which topic the message will be republished, with ${name} for what was selected",
          zh: "重新发布消息到哪个主题",
        },
      },
      target_qos: {
        order: 2,
        type: "number",
        enum: [-1, 0, 1, 2],
        required: true,
        default: 0,
        title: { en: "Target QoS", zh: "目的 QoS" },
        description: {
          en: "The QoS of the republished message; -1: that of the original message",
          zh: "重新发布消息时用的 QoS 级别, 设置为 -1 以使用原消息中的 QoS",
        },
      },
      payload_tmpl: {
        order: 3,
        type: "string",
        input: "textarea",
        required: true,
        default: "${payload}",
        title: { en: "Payload Template", zh: "消息内容模板" },
        description: {
          en: "The payload of the republished message, with ${name} for what was selected",
          zh: "消息内容模板,支持变量",
        },
      },
    },
    title: { en: "Republish", zh: "消息重新发布" },
    description: {
      en: "Republish a MQTT message to another topic",
      zh: "重新发布消息到另一个主题",
    },
  },
];

/** All actions in the words of one generation, in the order in which they are listed. */
export function actionForms(flavor: Flavor): readonly ActionForm[] {
  return flavor === "3.1" ? FORMS_31 : FORMS_32;
}

const BY_NAME: ReadonlyMap<string, ActionForm> = new Map(
  [...FORMS_31, ...FORMS_32].map((form) => [form.name, form]),
);

/** The action of that name, of either generation. */
export function findActionForm(name: string): ActionForm | undefined {
  return BY_NAME.get(name);
}
