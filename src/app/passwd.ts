import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  AccountTable,
  BoundedWork,
  changePasswordFile,
  createMosquittoHash,
  createPasswordHash,
  createScramVerifier,
  formatPasswordHash,
  formatScramVerifier,
  installationSecret,
  prepareText,
  readPasswordFile,
  SCRAM_KIND,
  scramSaltFor,
  userNameProblem,
} from "../auth/mod.ts";
import { SystemClock } from "../base/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { DATABASE_NAME, type OpenedRecords, openRecords } from "../storage/mod.ts";
import { EXIT_FAILED, EXIT_WRONG_CONFIGURATION, problemReport } from "./application.ts";
import { readConfiguration } from "./configuration.ts";
import type { PasswdArguments } from "./passwd_arguments.ts";
import { readFileIfThere, replaceFile } from "./replace_file.ts";
import type { PasswordInput } from "./terminal.ts";

const EXIT_FINE = 0;
const PASSWORD_BYTES_MAX = 65_535;

/** It was not done, for a reason that the operator can understand. */
class PasswdError extends Error {}

/** `broker passwd`; resolves with the exit status. */
export async function passwd(
  runtime: Runtime,
  args: PasswdArguments,
  input: PasswordInput,
): Promise<number> {
  try {
    if (args.action === "hash") return await printHash(runtime, args, input);
    if (args.file !== undefined) return await changeFile(runtime, args, args.file, input);
    return await changeStore(runtime, args, input);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    for (const line of text.split("\n")) runtime.writeStderr(`broker: ${line}\n`);
    return EXIT_FAILED;
  }
}

async function printHash(
  runtime: Runtime,
  args: PasswdArguments,
  input: PasswordInput,
): Promise<number> {
  const password = await passwordOf(args, input);
  runtime.writeStdout(
    `${args.isScram ? await verifierText(args, password) : await hashText(args, password)}\n`,
  );
  return EXIT_FINE;
}

async function hashText(
  { logN, isForMosquitto }: PasswdArguments,
  password: string,
): Promise<string> {
  const bytes = new TextEncoder().encode(password);
  return formatPasswordHash(
    isForMosquitto ? await createMosquittoHash(bytes) : await createPasswordHash(bytes, logN),
  );
}

async function verifierText(
  { iterations }: PasswdArguments,
  password: string,
  salt: Uint8Array = crypto.getRandomValues(new Uint8Array(16)),
): Promise<string> {
  return formatScramVerifier(await createScramVerifier(password, salt, iterations));
}

/** Throws `PasswdError` for one that cannot be, or that nobody gave. */
async function passwordOf(args: PasswdArguments, input: PasswordInput): Promise<string> {
  const password = await givenPassword(args, input);
  const length = new TextEncoder().encode(password).length;
  if (length > 0 && length <= PASSWORD_BYTES_MAX) return password;
  throw new PasswdError(
    `Cannot use password: it has ${length} bytes, allowed are 1 to ${PASSWORD_BYTES_MAX}`,
  );
}

async function givenPassword(args: PasswdArguments, input: PasswordInput): Promise<string> {
  if (args.passwordFrom === "argument") return args.password;
  if (args.passwordFrom === "stdin") return await input.readLine();
  if (!input.isTerminal) {
    throw new PasswdError("Cannot ask for a password: there is no terminal; --stdin reads it");
  }
  const first = await input.ask("Password: ");
  const second = first === undefined ? undefined : await input.ask("Once more: ");
  if (first === undefined || second === undefined) throw new PasswdError("Cannot go on: given up");
  if (first !== second) throw new PasswdError("Cannot use password: it was typed in two ways");
  return first;
}

async function changeFile(
  runtime: Runtime,
  args: PasswdArguments,
  file: string,
  input: PasswordInput,
): Promise<number> {
  const { action, name } = args;
  const text = await readFileIfThere(file) ?? "";
  if (text === "" && action !== "add" && await readFileIfThere(file) === undefined) {
    throw new PasswdError(`Cannot read "${file}": there is no such file`);
  }
  // A file with other problems is not made worse, and not written as if it were in order.
  const users = readPasswordFile(text, file);
  if (action === "list") {
    for (const user of users.keys()) runtime.writeStdout(`${user}\n`);
    return EXIT_FINE;
  }
  const problem = name.includes(":") ? "the user name has a colon" : userNameProblem(name) ??
    (name.trim() === name && !name.startsWith("#")
      ? undefined
      : "the user name begins with #, or with or ends in a blank");
  if (problem !== undefined) {
    throw new PasswdError(`Cannot ${action} user in "${file}": ${problem}`);
  }
  const hash = action === "add" ? await hashText(args, await passwordOf(args, input)) : undefined;
  const change = changePasswordFile(text, name, hash);
  if (action === "remove" && !change.isKnown) throw unknown(args, `"${file}"`);
  await replaceFile(file, change.text);
  report(runtime, args, change.isKnown, `"${file}"`);
  runtime.writeStderr("A broker that reads this file does so again within some seconds\n");
  return EXIT_FINE;
}

async function changeStore(
  runtime: Runtime,
  args: PasswdArguments,
  input: PasswordInput,
): Promise<number> {
  const config = { ...args, logLevel: undefined, logFormat: undefined, isEphemeral: false };
  const { loaded, problems } = await readConfiguration(runtime, config);
  if (loaded === undefined) {
    runtime.writeStderr(problemReport(problems));
    return EXIT_WRONG_CONFIGURATION;
  }
  const { node, auth, persistence } = loaded.configuration;
  const database = join(node.dataDir, DATABASE_NAME);
  if (args.action !== "add" && !existsSync(database)) {
    throw new PasswdError(`Cannot ${args.action} accounts: there is no database "${database}"`);
  }
  // Before the database is touched: whoever gives up has changed nothing.
  const password = args.action === "add" ? await passwordOf(args, input) : "";
  const opened = openRecords(node.dataDir, new SystemClock().nowMs());
  try {
    const place = `"${database}"`;
    sayDamage(runtime, opened, place);
    await changeAccounts(runtime, args, opened, password, place);
    if (args.action === "list") return EXIT_FINE;
    if (!auth.accounts) runtime.writeStderr("It does not count yet: auth.accounts is false\n");
    if (!persistence.enabled) {
      runtime.writeStderr("It does not count yet: persistence.enabled is false\n");
    }
    if (opened.isInUse) runtime.writeStderr("The running broker takes it over at SIGHUP\n");
    return EXIT_FINE;
  } finally {
    opened.close();
  }
}

async function changeAccounts(
  runtime: Runtime,
  args: PasswdArguments,
  { records }: OpenedRecords,
  password: string,
  place: string,
): Promise<void> {
  const secret = await installationSecret(records);
  const table = new AccountTable({
    records,
    kind: args.isClientId ? "client" : "user",
    work: new BoundedWork({ runningMax: 1, waitingMax: 1 }),
    clock: new SystemClock(),
    secret,
    logN: args.logN,
  });
  const { action, name } = args;
  if (action === "list") {
    for (const each of table.names()) runtime.writeStdout(`${each}\n`);
    return;
  }
  if (action === "remove") {
    if (!await table.remove(name)) throw unknown(args, place);
    report(runtime, args, true, place);
    return;
  }
  // Before anything is changed: not every name and password can be used.
  const verifier = args.isScram ? await verifierFor(args, password, secret) : undefined;
  const isKnown = table.info(name) !== undefined;
  if (isKnown) await table.changePassword(name, password);
  else await table.add(name, password, args.isSuperuser);
  if (isKnown && args.isSuperuser) await table.setSuperuser(name, true);
  if (verifier !== undefined) await records.put(SCRAM_KIND, verifier.name, verifier.text);
  report(runtime, args, isKnown, place);
}

async function verifierFor(
  args: PasswdArguments,
  password: string,
  secret: Uint8Array,
): Promise<{ readonly name: string; readonly text: string }> {
  const name = prepareText(args.name);
  if (name === undefined || name === "") {
    throw new PasswdError("Cannot use name for SCRAM: it has characters that are not allowed");
  }
  return { name, text: await verifierText(args, password, scramSaltFor(secret, name)) };
}

function sayDamage(runtime: Runtime, { damage }: OpenedRecords, place: string): void {
  if (damage === undefined) return;
  runtime.writeStderr(`${place} was damaged (${damage.reason}); it is "${damage.setAside}" now\n`);
}

function report(
  runtime: Runtime,
  { action, name, isClientId }: PasswdArguments,
  isKnown: boolean,
  place: string,
): void {
  const who = `${isClientId ? "client" : "user"} ${JSON.stringify(name)}`;
  if (action === "remove") runtime.writeStdout(`Removed ${who} from ${place}\n`);
  else if (isKnown) runtime.writeStdout(`Changed the password of ${who} in ${place}\n`);
  else runtime.writeStdout(`Added ${who} to ${place}\n`);
}

function unknown({ name, isClientId }: PasswdArguments, place: string): PasswdError {
  const what = isClientId ? "client" : "user";
  return new PasswdError(
    `Cannot remove ${what} ${JSON.stringify(name)}: there is none in ${place}`,
  );
}
