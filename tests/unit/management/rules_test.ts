import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { ManagementError } from "../../../src/management/mod.ts";
import { LocalResources } from "../../../src/management/resources.ts";
import { LocalRules } from "../../../src/management/rules.ts";
import {
  type ResourceManager,
  type RuleEngine,
  RuleError,
  type RuleErrorCode,
} from "../../../src/rules/mod.ts";

/** Everything that is asked of it fails like this. */
function failing<T>(error: Error): T {
  return new Proxy({}, { get: () => () => Promise.reject(error) }) as T;
}

async function refusalOf(work: () => Promise<unknown>): Promise<ManagementError> {
  return await assertRejects(work, ManagementError);
}

const CASES: readonly [code: RuleErrorCode, ManagementError["code"], kind: string | undefined][] = [
  ["unknown-action", "invalid", "action"],
  ["unknown-event", "invalid", "event"],
  ["unknown-hook", "invalid", "hook"],
  ["unknown-column", "invalid", "column"],
  ["unknown-resource", "invalid", "resource"],
  ["unknown-resource-type", "invalid", "resource-type"],
  ["invalid", "invalid", undefined],
  ["in-use", "conflict", undefined],
  ["read-only", "forbidden", undefined],
  ["unavailable", "unavailable", undefined],
];

for (const [code, expected, kind] of CASES) {
  test(`what rules and resources refuse as "${code}" is "${expected}" to whoever administers`, async () => {
    const error = new RuleError(code, "Cannot x: why", { subject: "name", detail: "few words" });
    const rules = new LocalRules(failing<RuleEngine>(error));
    const resources = new LocalResources(failing<ResourceManager>(error));
    const draft = { sql: "", actions: [] };
    const asked: readonly (() => Promise<unknown>)[] = [
      () => rules.create(draft),
      () => rules.remove("r"),
      () => rules.test("", {}),
      () => resources.create({ type: "t", config: {} }),
      () => resources.test({ type: "t", config: {} }),
      () => resources.remove("r"),
      () => resources.start("r"),
      () => resources.isAlive("r"),
    ];
    for (const ask of asked) {
      const refusal = await refusalOf(ask);
      assertEquals(refusal.code, expected);
      assertEquals(refusal.subject, kind === undefined ? undefined : { kind, name: "name" });
      assertEquals([refusal.phrase, refusal.cause], ["few words", error]);
    }
  });
}

test("what is no refusal of the rule engine comes as it is", async () => {
  const error = new TypeError("a mistake");
  const found = await new LocalRules(failing<RuleEngine>(error)).remove("r").catch((each) => each);
  assertEquals(found, error);
});

test("a resource that is begun anew and cannot be reached is not available", async () => {
  const started = (isAlive: boolean): LocalResources =>
    new LocalResources({ start: () => Promise.resolve(isAlive) } as unknown as ResourceManager);
  await started(true).start("r");
  const refusal = await refusalOf(() => started(false).start("r"));
  assertEquals([refusal.code, refusal.message], [
    "unavailable",
    'Cannot start resource "r": it cannot be reached',
  ]);
});
