/** What the writer's thread of a store under test runs. */
import { runStorageThread } from "../../src/storage/mod.ts";

runStorageThread();
