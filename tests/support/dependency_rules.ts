/**
 * Proves that the places which name packages agree: package.json is the list, deno.json and
 * tsconfig.json say where an import comes from, deno.lock pins it, DEPENDENCIES.md says why.
 */
import type { ProjectFile } from "./project_files.ts";
import { importsOf } from "./source_text.ts";

/** The texts of the five files. */
export interface DependencyFiles {
  readonly packageJson: string;
  readonly denoJson: string;
  readonly tsconfig: string;
  readonly lock: string;
  readonly table: string;
}

interface PackageJson {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

interface Lock {
  readonly specifiers?: Record<string, string>;
  readonly workspace?: {
    readonly dependencies?: string[];
    readonly packageJson?: { readonly dependencies?: string[] };
  };
}

/** An entry of deno.json's `imports`, taken apart: `npm:deno-std@1.4.0/toml/mod.js`. */
interface MappedImport {
  readonly alias: string;
  readonly name: string;
  readonly version: string;
  readonly subpath: string;
}

const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
const NPM_SPECIFIER = /^npm:((?:@[^/@]+\/)?[^/@]+)@([^/]+)(\/.*)?$/;

/** Where two of the five files disagree; empty when all agree. */
export function dependencyProblems(files: DependencyFiles): string[] {
  const versions = listedVersions(files.packageJson);
  const imports = mappedImports(files.denoJson);
  return [
    ...[...versions].filter(([, version]) => !EXACT_VERSION.test(version))
      .map(([name, version]) => `package.json: ${name} has no exact version but "${version}"`),
    ...importProblems(versions, imports),
    ...tsconfigProblems(imports, files.tsconfig),
    ...lockProblems(versions, files.lock),
    ...tableProblems(versions, files.table),
  ];
}

function listedVersions(packageJson: string): Map<string, string> {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(packageJson) as PackageJson;
  return new Map([...Object.entries(dependencies), ...Object.entries(devDependencies)]);
}

function mappedImports(denoJson: string): MappedImport[] {
  const { imports = {} } = JSON.parse(denoJson) as { imports?: Record<string, string> };
  return Object.entries(imports).map(([alias, target]) => {
    const [, name = "", version = "", subpath = ""] = NPM_SPECIFIER.exec(target) ?? [];
    return { alias, name, version, subpath };
  });
}

function importProblems(
  versions: ReadonlyMap<string, string>,
  imports: readonly MappedImport[],
): string[] {
  const problems: string[] = [];
  for (const { alias, name, version } of imports) {
    if (name === "") problems.push(`deno.json: "${alias}" is no npm package of one version`);
    else if (versions.get(name) !== version) {
      problems.push(
        `deno.json: "${alias}" is ${name} ${version}, package.json has ${versions.get(name)}`,
      );
    }
  }
  for (const name of versions.keys()) {
    if (!imports.some((mapped) => mapped.name === name)) {
      problems.push(`deno.json: nothing comes from ${name} of package.json`);
    }
  }
  return problems;
}

/** Bun finds a package by its name; every other alias needs a path, and nothing else has one. */
function tsconfigProblems(imports: readonly MappedImport[], tsconfig: string): string[] {
  const { compilerOptions: { paths = {} } = {} } = JSON.parse(tsconfig) as {
    compilerOptions?: { paths?: Record<string, string[]> };
  };
  const wanted = imports.filter(({ alias, name, subpath }) => alias !== name || subpath !== "");
  const problems = wanted.filter(({ alias, name, subpath }) =>
    JSON.stringify(paths[alias]) !== JSON.stringify([`./node_modules/${name}${subpath}`])
  ).map(({ alias, name, subpath }) =>
    `tsconfig.json: "${alias}" is not ./node_modules/${name}${subpath}`
  );
  const extra = Object.keys(paths).filter((alias) => !wanted.some((one) => one.alias === alias));
  return [...problems, ...extra.map((alias) => `tsconfig.json: "${alias}" is not in deno.json`)];
}

function lockProblems(versions: ReadonlyMap<string, string>, text: string): string[] {
  const lock = JSON.parse(text) as Lock;
  const wanted = [...versions].map(([name, version]) => `npm:${name}@${version}`).sort();
  const problems: string[] = [];
  for (const [name, version] of versions) {
    if (lock.specifiers?.[`npm:${name}@${version}`] !== version) {
      problems.push(`deno.lock: does not pin ${name} ${version}`);
    }
  }
  for (
    const found of [lock.workspace?.dependencies, lock.workspace?.packageJson?.dependencies]
  ) {
    if (JSON.stringify([...found ?? []].sort()) !== JSON.stringify(wanted)) {
      problems.push(`deno.lock: lists ${found?.join(" ")} instead of ${wanted.join(" ")}`);
    }
  }
  if (/https?:/.test(text)) problems.push("deno.lock: names a host");
  return problems;
}

/** Rows "| package | version | what for | why this one | what else was looked at |". */
function tableProblems(versions: ReadonlyMap<string, string>, table: string): string[] {
  const rows = new Map<string, string[]>();
  for (const line of table.split("\n")) {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    const name = /^`([^`]+)`$/.exec(cells[0] ?? "")?.[1];
    if (name !== undefined) rows.set(name, cells.slice(1));
  }
  const problems: string[] = [];
  for (const [name, version] of versions) {
    const cells = rows.get(name);
    if (cells === undefined) problems.push(`DEPENDENCIES.md: no row for ${name}`);
    else if (cells[0] !== version) {
      problems.push(`DEPENDENCIES.md: ${name} is ${cells[0]}, package.json has ${version}`);
    } else if (cells.length !== 4 || cells.includes("")) {
      problems.push(`DEPENDENCIES.md: the row for ${name} does not fill its columns`);
    }
  }
  const extra = [...rows.keys()].filter((name) => !versions.has(name));
  return [...problems, ...extra.map((name) => `DEPENDENCIES.md: ${name} is not in package.json`)];
}

/**
 * Packages that a file imports and may not: unknown to deno.json, or, in the program itself, one
 * of the `devDependencies`. And packages that no file imports.
 */
export function packageUseProblems(
  files: readonly ProjectFile[],
  { packageJson, denoJson }: Pick<DependencyFiles, "packageJson" | "denoJson">,
): string[] {
  const imports = new Map(mappedImports(denoJson).map((mapped) => [mapped.alias, mapped]));
  const { devDependencies = {} } = JSON.parse(packageJson) as PackageJson;
  const unused = new Set(imports.keys());
  const problems: string[] = [];
  for (const { path, text } of files.filter((file) => file.path.endsWith(".ts"))) {
    for (const { specifier, line } of importsOf(text)) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const mapped = imports.get(specifier);
      unused.delete(specifier);
      if (mapped === undefined) {
        problems.push(`${path}:${line}: "${specifier}" is not in deno.json`);
      } else if (mapped.name in devDependencies && !path.startsWith("tests/")) {
        problems.push(`${path}:${line}: "${specifier}" is for tests only`);
      }
    }
  }
  return [...problems, ...[...unused].map((alias) => `deno.json: nothing imports "${alias}"`)];
}
