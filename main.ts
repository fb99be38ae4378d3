import { main } from "./src/app/mod.ts";

await main(import.meta.url);
