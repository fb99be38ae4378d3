import { test } from "node:test";
import process from "node:process";
import { assertEquals, assertThrows } from "@std/assert";
import { bunPackage, bunProgram, denoProgram, versionOf } from "./programs.ts";
import { BUN_VERSION } from "./bun_version.ts";

const PACKAGES: ReadonlyArray<[platform: string, arch: string, isMusl: boolean, name: string]> = [
  ["linux", "x64", false, "@oven/bun-linux-x64"],
  ["linux", "x64", true, "@oven/bun-linux-x64-musl"],
  ["linux", "arm64", false, "@oven/bun-linux-aarch64"],
  ["darwin", "arm64", false, "@oven/bun-darwin-aarch64"],
  ["win32", "x64", false, "@oven/bun-windows-x64"],
];

for (const [platform, arch, isMusl, name] of PACKAGES) {
  test(`bunPackage() for ${platform} ${arch}${isMusl ? " musl" : ""} is ${name}`, () => {
    assertEquals(bunPackage({ platform, arch, isMusl }), name);
  });
}

test("bunPackage() names a machine that has none", () => {
  const machine = { platform: "sunos", arch: "x64", isMusl: false };
  assertThrows(() => bunPackage(machine), Error, '"sunos"');
});

test("bunProgram() answers a Bun that runs", async () => {
  const version = await versionOf(await bunProgram());
  // $BUN may be of another version on purpose.
  if (process.env["BUN"] === undefined) assertEquals(version, BUN_VERSION);
  assertEquals(/^\d+\.\d+\.\d+/.test(version ?? ""), true);
});

test("denoProgram() answers a Deno that runs", async () => {
  assertEquals((await versionOf(denoProgram()))?.startsWith("deno "), true);
});

test("versionOf() is undefined for a program that is not there", async () => {
  assertEquals(await versionOf("no-such-program-anywhere"), undefined);
});
