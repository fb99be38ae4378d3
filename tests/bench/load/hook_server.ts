/**
 * Where a web hook may send things, as a program: `hook_server.ts alive|silent`. Prints its port, and then every second
 * how many requests came. A silent one takes connections and never says anything.
 */
import { createServer } from "node:http";
import { createServer as createPlainServer } from "node:net";
import process from "node:process";

const REPORT_MS = 1000;

let requests = 0;
const server = process.argv[2] === "silent"
  ? createPlainServer((socket) => socket.on("error", () => socket.destroy()).resume())
  : createServer((request, response) => {
    requests++;
    request.resume().on("end", () => response.writeHead(204).end());
  });

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  process.stdout.write(`${port}\n`);
  setInterval(() => process.stdout.write(`${requests}\n`), REPORT_MS);
});
