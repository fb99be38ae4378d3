import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError, formatProblem, planReload } from "../../../src/config/mod.ts";
import { type Given, loadAll } from "./sources.ts";

const OLD = "[node]\nname = 'a'\n[[auth.user]]\nusername = 'u'\npassword = 'p'\n";

const CHANGES: readonly [what: string, next: Given, now: string, later: string][] = [
  ["nothing", { file: OLD }, "", ""],
  [
    "keys of both kinds",
    {
      file: "[node]\nname = 'b'\ndata_dir = 'd'\n[log]\nlevel = 'debug'\n[mqtt]\nmax_qos = 1\n" +
        "[[auth.user]]\nusername = 'u'\npassword = 'p'\n",
    },
    "log.level,mqtt.max_qos",
    "node.name,node.data_dir",
  ],
  [
    "keys of a listener",
    { file: OLD, sets: ["listener.0.max_connections=1", "listener.0.path=/x"] },
    "listener.0.max_connections",
    "listener.0.path",
  ],
  [
    "another listener",
    { file: OLD, sets: ["listener.1.bind=127.0.0.1:1"] },
    "",
    "listener",
  ],
  [
    "another listener behind one that changes",
    { file: OLD, sets: ["listener.0.max_connections=1", "listener.1.bind=127.0.0.1:1"] },
    "listener.0.max_connections",
    "listener",
  ],
  [
    "another listener before the old one",
    {
      file: OLD,
      sets: ["listener.0.max_connections=1", "listener.0.bind=[::1]:1", "listener.1.type=tcp"],
    },
    "",
    "listener",
  ],
  [
    "a bridge",
    { file: `${OLD}[[bridge]]\nname = 'b'\nenable = false\n` },
    [
      "bridge",
    ].join(),
    "",
  ],
  [
    "a key within a nested table",
    { file: OLD, sets: ["limits.flapping.ban=1h"] },
    [
      "limits.flapping.ban",
    ].join(),
    "",
  ],
  ["a rate", { file: OLD, sets: ["limits.connect_rate=5"] }, "limits.connect_rate", ""],
  [
    "a table that was not there",
    {
      file: `${OLD}[auth.jwt]\nsecret = 'geheim'\n`,
    },
    "auth.jwt",
    "",
  ],
  [
    "who owns sessions",
    { file: `[auth]\nsession_owner = "fresh"\n${OLD}` },
    [
      "auth.session_owner",
    ].join(),
    "",
  ],
];

for (const [what, next, now, later] of CHANGES) {
  test(`planReload() sorts ${what} by when it counts`, () => {
    const { appliedNow, afterRestart } = planReload(loadAll({ file: OLD }), loadAll(next));
    assertEquals([appliedNow.join(), afterRestart.join()], [now, later]);
  });
}

test("planReload() puts into force what counts at once and nothing else", () => {
  const old = loadAll({ file: OLD });
  const next = loadAll({
    file: OLD,
    sets: ["node.name=b", "mqtt.max_qos=1", "listener.0.bind=0.0.0.0:1", "limits.max_idle=5"],
  });
  const { inForce } = planReload(old, next);
  const { configuration } = inForce;
  assertEquals(configuration, {
    ...old.configuration,
    mqtt: { ...old.configuration.mqtt, maxQos: 1 },
    limits: { ...old.configuration.limits, maxIdleS: 5 },
  });
});

test("planReload() says again what still waits for a restart, and not when it is taken back", () => {
  const old = loadAll({});
  const first = planReload(old, loadAll({ sets: ["node.name=b"] }));
  const second = planReload(first.inForce, loadAll({ sets: ["node.name=b", "mqtt.max_qos=1"] }));
  assertEquals(second.afterRestart, ["node.name"]);
  assertEquals(planReload(second.inForce, old).afterRestart, []);
  assertEquals(planReload(second.inForce, old).appliedNow, ["mqtt.max_qos"]);
});

test("planReload() refuses what does not fit to what waits for a restart", () => {
  const old = loadAll({
    file: "[[http]]\nbind = '0.0.0.0:1'\napis = ['smqtt']\n" +
      "[api.smqtt]\nusername = 'u'\npassword = 'p'\n",
  });
  // Fine by itself. But the listener would stay where it is, and be open to anybody from now on.
  const next = loadAll({ file: "[[http]]\nbind = '127.0.0.1:1'\napis = ['smqtt']\n" });
  const error = assertThrows(() => planReload(old, next), ConfigError);
  assertEquals(error.problems.map(formatProblem), [
    'b.toml:2:8: http.0.bind: found "0.0.0.0:1", where smqtt is open to anybody; allowed: an ' +
    "address of loopback, api.smqtt.username and api.smqtt.password, or " +
    "http.allow_default_credentials = true",
  ]);
});

test("planReload() never lets a problem of the new configuration through", () => {
  const error = assertThrows(() => loadAll({ file: "[mqtt]\nmax_qos = 3" }), ConfigError);
  assertEquals(error.problems.map(formatProblem), [
    "b.toml:2:11: mqtt.max_qos: found 3; allowed: 0, 1, 2",
  ]);
});
