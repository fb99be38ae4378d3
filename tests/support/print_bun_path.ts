/** Prints the path of the Bun that the tests use, or of the one for a target, for shell scripts. */
import process from "node:process";
import { bunFor, bunProgram } from "./programs.ts";

const [target] = process.argv.slice(2);
process.stdout.write(`${await (target === undefined ? bunProgram() : bunFor(target))}\n`);
