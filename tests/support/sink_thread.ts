/** What the thread of SQLite sinks under test runs. */
import { runSinkThread } from "../../src/sinks/mod.ts";

runSinkThread();
