import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { ManagementError, type SettingsService } from "../../../src/management/mod.ts";
import { LocalModules } from "../../../src/management/modules.ts";

type Values = Record<string, unknown>;

/** Settings that are nothing but values. */
function settingsOf(values: Values, fixed: readonly string[] = []): SettingsService {
  return {
    list: () => Promise.resolve([]),
    get: (key) => Promise.resolve(key in values ? { key, value: values[key] } as never : undefined),
    inClear: () => Promise.resolve(undefined),
    change: async (changes) => {
      // As slow as a store is.
      await Promise.resolve();
      for (const key of changes.keys()) {
        if (fixed.includes(key)) throw new ManagementError("conflict", `${key} is fixed`);
      }
      for (const [key, value] of changes) {
        if (value === undefined) delete values[key];
        else values[key] = value;
      }
      return { appliedNow: [], afterRestart: [] };
    },
  };
}

async function active(modules: LocalModules): Promise<readonly string[]> {
  return (await modules.list()).filter(({ isActive }) => isActive).map(({ name }) => name);
}

const ON: Values = {
  "auth.accounts": true,
  "auth.switched_off": [],
  "mqtt.delayed_publish": true,
  "mqtt.retainer": true,
  "rule_engine.enable": true,
  "web_hook.enable": false,
};

test("where accounts are off as a whole, activating one of the two leaves the other one off", async () => {
  const values: Values = { ...ON, "auth.accounts": false };
  const modules = new LocalModules(settingsOf(values));
  assertEquals(await active(modules), ["management", "delayed_publish", "retainer", "rule_engine"]);
  await modules.activate("user_accounts");
  assertEquals(await active(modules), [
    "user_accounts",
    "management",
    "delayed_publish",
    "retainer",
    "rule_engine",
  ]);
  assertEquals(values["auth.switched_off"], ["clients"]);
  await modules.activate("client_accounts");
  assertEquals(values["auth.switched_off"], []);
});

test("what is configured for a module that is not active does not activate it", async () => {
  const values: Values = { ...ON };
  const modules = new LocalModules(settingsOf(values));
  await modules.configure("http_auth", new Map([["auth.http.method", "GET"]]));
  assertEquals((await active(modules)).includes("http_auth"), false);
  await modules.activate("http_auth");
  await modules.configure("http_auth", new Map([["auth.http.method", "POST"]]));
  assertEquals((await active(modules)).includes("http_auth"), true);
});

test("a refusal changes nothing: not configured, active already, not active, fixed elsewhere", async () => {
  const values: Values = { ...ON, "auth.switched_off": ["jwt"] };
  const before = structuredClone(values);
  const modules = new LocalModules(settingsOf(values, ["mqtt.retainer"]));
  const code = async (work: Promise<void>): Promise<string> =>
    (await assertRejects(() => work, ManagementError)).code;
  assertEquals(await code(modules.activate("jwt")), "invalid");
  assertEquals(await code(modules.activate("retainer")), "conflict");
  assertEquals(await code(modules.deactivate("jwt")), "conflict");
  assertEquals(await code(modules.deactivate("retainer")), "forbidden");
  assertEquals(await code(modules.deactivate("management")), "forbidden");
  assertEquals(values, before);
});

test("changes at the same time do not undo each other", async () => {
  const values: Values = { ...ON };
  const modules = new LocalModules(settingsOf(values));
  await Promise.all([modules.deactivate("user_accounts"), modules.deactivate("client_accounts")]);
  assertEquals(values["auth.switched_off"], ["users", "clients"]);
});
