import { readdirSync, readFileSync } from "node:fs";

export type Version = "3.1" | "3.1.1" | "5";

/** One case as its file has it; README.md explains the steps. */
export interface Case {
  readonly name: string;
  /** Conformance numbers, without brackets; those of 3.1.1 in v3, those of 5.0 in v5. */
  readonly numbers?: readonly string[];
  /** What a reader should know that the steps do not show. */
  readonly note?: string;
  /** Run once per version; the file's version when absent. */
  readonly versions?: readonly Version[];
  /** Time must pass in it: it is played beside the others, on a broker that only such cases share. */
  readonly waits?: boolean;
  readonly steps: readonly string[];
}

export interface CaseFile {
  readonly area: string;
  readonly version: Version;
  /** What the broker needs besides its defaults, in the form of `--set`. */
  readonly settings?: readonly string[];
  readonly cases: readonly Case[];
}

/** A case to run: one version of it, with the name under which it is reported. */
export interface RunnableCase extends Case {
  readonly title: string;
  readonly file: string;
  readonly version: Version;
  readonly settings: readonly string[];
}

/** Named step lists by version: what every case would otherwise repeat. */
export type Macros = Readonly<Record<Version, Readonly<Record<string, readonly string[]>>>>;

const FOLDER = new URL("./", import.meta.url);

/** The case files, by their path in this folder. */
export function caseFileNames(): string[] {
  const inFolder = (folder: string): string[] =>
    readdirSync(new URL(`${folder}/`, FOLDER)).filter((name) => name.endsWith(".json")).sort()
      .map((name) => `${folder}/${name}`);
  return [...inFolder("v3"), ...inFolder("v5"), "regression.json"];
}

/** Every case of every file, in order, once for each of its versions. */
export function loadCases(): RunnableCase[] {
  return caseFileNames().flatMap((file) => {
    const content = readJson(file) as CaseFile;
    const area = file.replace(/\.json$/, "");
    return content.cases.flatMap((one) =>
      (one.versions ?? [content.version]).map((version) => ({
        ...one,
        version,
        file,
        settings: content.settings ?? [],
        title: one.versions === undefined
          ? `${area}: ${one.name}`
          : `${area}: ${one.name} [${version}]`,
      }))
    );
  });
}

export function loadMacros(): Macros {
  return readJson("macros.json") as Macros;
}

export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
}
