import { after, test } from "node:test";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "./support/deadline.ts";
import { TestClient } from "./support/mqtt_client.ts";
import { denoProgram } from "./support/programs.ts";
import { PROJECT_ROOT, readProjectFile } from "./support/project_files.ts";
import { runToEnd, withBroker } from "./support/start_broker.ts";

const PACKAGING = "config/packaging";
const UNIT = `${PACKAGING}/systemd/broker.service`;
const { version } = JSON.parse(readProjectFile("package.json")) as { version: string };
const folder = mkdtempSync(join(tmpdir(), "broker-packaging-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function isMissing(program: string): string | false {
  return spawnSync(program, ["--version"]).error === undefined ? false : `without ${program}`;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the project beside this one, which may have to serve it. */
async function run(
  [program = "", ...args]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { cwd: PROJECT_ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  const [status] = await within(once(child, "close"), `the end of ${program}`);
  return { status, stdout, stderr };
}

// --- systemd ---------------------------------------------------------------------------------------

test("systemd can read the unit", { skip: isMissing("systemd-analyze") }, async () => {
  // It looks whether there are the program and its manual.
  const text = readProjectFile(UNIT).replace("/usr/bin/broker", process.execPath)
    .replace(/^Documentation=.*\n/m, "");
  const unit = join(folder, "broker.service");
  writeFileSync(unit, text);
  const { status, stderr } = await run(["systemd-analyze", "verify", unit]);
  const ours = stderr.split("\n").filter((line) => line.includes("broker.service"));
  assertEquals([status, ours], [0, []], stderr);
});

test(
  "the unit leaves the service little to harm",
  { skip: isMissing("systemd-analyze") },
  async () => {
    const { status, stdout, stderr } = await run([
      ...["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", UNIT],
    ]);
    if (/unrecognized option|Unknown/.test(stderr)) return;
    assertEquals(status, 0, stdout.trim().split("\n").at(-1));
  },
);

test("the unit tells systemd what the exit statuses of the broker mean", () => {
  const unit = readProjectFile(UNIT);
  assertMatch(unit, /^RestartPreventExitStatus=2$/m);
  assertMatch(unit, /^Type=notify$/m);
  assertMatch(unit, /^NotifyAccess=main$/m);
});

// --- configurations ---------------------------------------------------------------------------------

for (const file of ["debian/broker.toml", "docker/broker.toml"]) {
  test(`the broker takes ${file}`, async () => {
    const { code, stderr } = await runToEnd(["check", "--config", `${PACKAGING}/${file}`]);
    assertEquals([code, stderr], [0, ""]);
  });
}

// --- the Debian package -----------------------------------------------------------------------------

const skipDebian = isMissing("dpkg-deb");

/** A package of a program that is not the broker, but small. */
async function buildPackage(name: string): Promise<string> {
  const program = join(folder, "small-broker");
  writeFileSync(program, '#!/bin/sh\n[ "$1" = completions ] && echo "complete broker"\n', {
    mode: 0o755,
  });
  const output = join(folder, name);
  const environment = { SOURCE_DATE_EPOCH: "1700000000", DEB_COMPRESSION: "none" };
  const command = [`${PACKAGING}/debian/build.sh`, "--arch", "amd64", "--output", output, program];
  const { status, stdout, stderr } = await run(command, environment);
  assertEquals(status, 0, stderr);
  return stdout.trim();
}

test(
  "the Debian package has what belongs to it, for root alone to change",
  { skip: skipDebian },
  async () => {
    const path = await buildPackage("one");
    assertEquals(path, join(folder, "one", `broker_${version}_amd64.deb`));
    const { stdout } = await run(["dpkg-deb", "--contents", path]);
    const files = new Map(
      stdout.trim().split("\n").map((line) => line.split(/\s+/))
        .map(([mode = "", owner = "", , , , name = ""]) => [name, `${mode} ${owner}`]),
    );
    const expected: ReadonlyArray<[name: string, mode: string]> = [
      ["./usr/bin/broker", "-rwxr-xr-x"],
      ["./etc/broker/broker.toml", "-rw-r--r--"],
      ["./lib/systemd/system/broker.service", "-rw-r--r--"],
      ["./usr/share/man/man1/broker.1.gz", "-rw-r--r--"],
      ["./usr/share/doc/broker/copyright", "-rw-r--r--"],
      ["./usr/share/doc/broker/examples/broker.toml", "-rw-r--r--"],
      ["./usr/share/bash-completion/completions/broker", "-rw-r--r--"],
      ["./usr/share/zsh/vendor-completions/_broker", "-rw-r--r--"],
      ["./usr/share/fish/vendor_completions.d/broker.fish", "-rw-r--r--"],
    ];
    for (const [name, mode] of expected) assertEquals(files.get(name), `${mode} root/root`, name);
    const control = await run(["dpkg-deb", "--field", path]);
    assertStringIncludes(control.stdout, `Version: ${version}\nArchitecture: amd64\n`);
    const conffiles = await run(["dpkg-deb", "--info", path, "conffiles"]);
    assertEquals(conffiles.stdout, "/etc/broker/broker.toml\n");
  },
);

test("the same sources make the same Debian package", { skip: skipDebian }, async () => {
  const [one, two] = [await buildPackage("first"), await buildPackage("second")];
  assertEquals(sha256(readFileSync(one)), sha256(readFileSync(two)));
});

test("build.sh refuses what it cannot make a package of", { skip: skipDebian }, async () => {
  const command = `${PACKAGING}/debian/build.sh`;
  for (const [args, said] of [[[], "which executable?"], [["no/such"], 'no "no/such"']] as const) {
    const { status, stderr } = await run([command, ...args]);
    assertEquals(status, 1);
    assertStringIncludes(stderr, said);
  }
});

// --- install.sh -------------------------------------------------------------------------------------

const PROGRAM = "#!/bin/sh\necho broker\n";

function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A release on a web server. */
async function withRelease(
  files: Readonly<Record<string, string>>,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer((request, response) => {
    const text = files[(request.url ?? "").slice("/r/".length)];
    response.writeHead(text === undefined ? 404 : 200);
    response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/r/`);
  } finally {
    server.close();
  }
}

function install(url: string, to: string, ...args: string[]): Promise<Ended> {
  const all = ["--from", url, "--to", to, "--target", "linux-x64", ...args];
  return run([`${PACKAGING}/install.sh`, ...all]);
}

const skipInstall = isMissing("curl");

test("install.sh installs what has the right checksum", { skip: skipInstall }, () => {
  const sums = `${sha256("other")}  broker-linux-x64-musl\n${sha256(PROGRAM)}  broker-linux-x64\n`;
  return withRelease({ "SHA256SUMS": sums, "broker-linux-x64": PROGRAM }, async (url) => {
    const to = join(folder, "installed");
    const { status, stdout, stderr } = await install(url, to);
    assertEquals([status, stdout], [0, `${join(to, "broker")}\n`], stderr);
    assertEquals(readdirSync(to), ["broker"]);
    assertEquals(statSync(join(to, "broker")).mode & 0o777, 0o755);
    assertEquals((await run([join(to, "broker")])).stdout, "broker\n");
    // Once more, over what is there.
    assertEquals((await install(url, to)).status, 0);
  });
});

const sums = `${sha256(PROGRAM)}  broker-linux-x64\n`;
const REFUSED: ReadonlyArray<[why: string, files: Record<string, string>, said: string]> = [
  [
    "another file than the checksum is of",
    { "SHA256SUMS": sums, "broker-linux-x64": `${PROGRAM}# changed\n` },
    "is not what SHA256SUMS says",
  ],
  [
    "half of the file",
    { "SHA256SUMS": sums, "broker-linux-x64": PROGRAM.slice(0, 9) },
    "is not what SHA256SUMS says",
  ],
  ["a release without checksums", { "broker-linux-x64": PROGRAM }, "cannot fetch"],
  ["a release without this target", { "SHA256SUMS": "00  broker-linux-x64-musl\n" }, "names no"],
  ["a file that is not there", { "SHA256SUMS": sums }, "cannot fetch"],
];

for (const [why, files, said] of REFUSED) {
  test(
    `install.sh installs nothing of ${why}`,
    { skip: skipInstall },
    () =>
      withRelease(files, async (url) => {
        const to = mkdtempSync(join(folder, "refused-"));
        writeFileSync(join(to, "broker"), "an older one");
        const { status, stderr } = await install(url, to);
        assertEquals(status, 1);
        assertStringIncludes(stderr, said);
        assertEquals(readdirSync(to), ["broker"]);
        assertEquals(readFileSync(join(to, "broker"), "utf8"), "an older one");
      }),
  );
}

/** The same program for every machine, so that this one finds its own. */
function releaseOf(program: string): Record<string, string> {
  const names = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl", "macos-x64"]
    .concat("macos-arm64").map((target) => `broker-${target}`);
  const files = Object.fromEntries(names.map((name) => [name, program]));
  return { ...files, SHA256SUMS: names.map((name) => `${sha256(program)}  ${name}\n`).join("") };
}

test(
  "install.sh installs nothing that does not run on this machine",
  { skip: skipInstall },
  async () => {
    const to = join(folder, "here");
    const command = [`${PACKAGING}/install.sh`, "--to", to];
    await withRelease(releaseOf("#!/bin/sh\nexit 127\n"), async (url) => {
      const { status, stderr } = await run(command, { BROKER_FROM: url });
      assertEquals([status, readdirSync(to)], [1, []], stderr);
      assertStringIncludes(stderr, "does not run here");
    });
    await withRelease(releaseOf(PROGRAM), async (url) => {
      const { status, stderr } = await run(command, { BROKER_FROM: url });
      assertEquals([status, readdirSync(to)], [0, ["broker"]], stderr);
    });
  },
);

// --- Homebrew ---------------------------------------------------------------------------------------

test("make-formula.sh puts version, address and checksums into the formula", async () => {
  const path = join(folder, "SHA256SUMS");
  const targets = ["linux-arm64", "linux-x64", "linux-x64-musl", "macos-arm64", "macos-x64"];
  writeFileSync(path, targets.map((each) => `${sha256(each)}  broker-${each}\n`).join(""));
  const command = [`${PACKAGING}/homebrew/make-formula.sh`, "https://example.org/v1", path];
  const { status, stdout, stderr } = await run(command);
  assertEquals([status, stderr], [0, ""]);
  assert(!stdout.includes("@"), stdout);
  assertStringIncludes(stdout, `version "${version}"`);
  for (const each of targets.filter((target) => !target.endsWith("musl"))) {
    const lines = `url "https://example.org/v1/broker-${each}"\n      sha256 "${sha256(each)}"`;
    assertStringIncludes(stdout, lines);
  }
});

test("make-formula.sh names a target that the release has not", async () => {
  const path = join(folder, "FEW");
  writeFileSync(path, `${sha256("x")}  broker-macos-arm64\n`);
  const { status, stderr } = await run([`${PACKAGING}/homebrew/make-formula.sh`, "u", path]);
  assertEquals(status, 1);
  assertStringIncludes(stderr, "broker-macos-x64");
});

// --- GitHub Action ----------------------------------------------------------------------------------

/** The runner's folder, with a broker that is this project's own. */
function makeRunner(): { readonly environment: Record<string, string>; readonly temp: string } {
  const temp = mkdtempSync(join(folder, "runner-"));
  mkdirSync(join(temp, "broker-bin"));
  const { tasks } = JSON.parse(readProjectFile("deno.json")) as {
    tasks: { start: { command: string } };
  };
  const command = tasks.start.command.replace(/^deno/, denoProgram())
    .replace("main.ts", join(PROJECT_ROOT, "main.ts"));
  const program = join(temp, "broker-bin", "broker");
  writeFileSync(program, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  const files = { GITHUB_OUTPUT: join(temp, "output"), GITHUB_ENV: join(temp, "env") };
  for (const file of Object.values(files)) writeFileSync(file, "");
  return { temp, environment: { RUNNER_TEMP: temp, ...files } };
}

function readPairs(path: string): ReadonlyMap<string, string> {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

test("the action starts a broker and tells where it is", async () => {
  const { environment, temp } = makeRunner();
  const args = "--set mqtt.receive_maximum=7 --set 'node.name=two words'";
  const { status, stdout, stderr } = await run([`${PACKAGING}/github-action/start.sh`], {
    ...environment,
    ARGS: args,
  });
  assertEquals(status, 0, stderr);
  const output = readPairs(join(temp, "output"));
  const variables = readPairs(join(temp, "env"));
  const pid = Number(variables.get("BROKER_PID"));
  try {
    const url = output.get("url") ?? "";
    assertStringIncludes(stdout, url);
    assertEquals(url, `mqtt://${output.get("host")}:${output.get("port")}`);
    assertEquals(variables.get("MQTT_URL"), url);
    const { connack } = await TestClient.connect(Number(output.get("port")));
    assertEquals(connack.properties?.receiveMaximum, 7);
    const reply = await fetch(`${output.get("http-url")}/healthz`);
    assertEquals((await reply.json()).status, "alive");
    assertStringIncludes(readFileSync(output.get("log") ?? "", "utf8"), "two words");
  } finally {
    process.kill(pid, "SIGKILL");
  }
});

test("the action fails where the broker does not start, and shows why", async () => {
  const { environment, temp } = makeRunner();
  writeFileSync(join(temp, "wrong.toml"), "[mqtt]\nmax_qos = 9\n");
  const { status, stderr, stdout } = await run([`${PACKAGING}/github-action/start.sh`], {
    ...environment,
    CONFIG: join(temp, "wrong.toml"),
  });
  assertEquals(status, 1);
  assertStringIncludes(stderr, "max_qos");
  assertStringIncludes(stdout, "::error::");
});

// --- Docker -----------------------------------------------------------------------------------------

test("what the image takes from the project is there", () => {
  const text = readProjectFile(`${PACKAGING}/docker/Dockerfile`);
  const sources = [...text.matchAll(/^COPY (?:--\S+ )*(\S+) \S+$/gm)].map(([, source]) => source);
  assertEquals(sources.length, 3);
  for (const source of sources.filter((each) => each !== "${BINARY}")) {
    assert(existsSync(join(PROJECT_ROOT, source ?? "")), source);
  }
});

test("the health check of the image is one of the broker in it", async () => {
  const text = readProjectFile(`${PACKAGING}/docker/Dockerfile`);
  const words = JSON.parse(
    /HEALTHCHECK [^[]*(\[.*\])/s.exec(text)?.[1]?.split("\n")[0] ?? "",
  ) as string[];
  const config = readProjectFile(`${PACKAGING}/docker/broker.toml`)
    .replaceAll(":1883", ":0").replaceAll("127.0.0.1:8080", "127.0.0.1:0");
  await withBroker({ config }, async ({ httpUrl }) => {
    const args = words.slice(1).map((word) => word.replace("http://127.0.0.1:8080", httpUrl));
    const { code, stderr } = await runToEnd(args);
    assertEquals(code, 0, stderr);
  });
});
