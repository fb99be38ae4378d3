/** Prints the path of the Bun that the tests use, for shell scripts. */
import process from "node:process";
import { bunProgram } from "./programs.ts";

process.stdout.write(`${await bunProgram()}\n`);
