/** Changes a folder in every way that the layer must tell apart; run below the layer, with the folder as its argument. */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import process from "node:process";

const folder = process.argv[2] ?? "";
const at = (name: string): string => `${folder}/${name}`;

function using(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags);
  use(file);
  closeSync(file);
}

const sync = (name: string): void => using(at(name), "r", fsyncSync);
const syncFolder = (): void => using(folder, "r", fsyncSync);

function write(name: string, text: string): void {
  writeFileSync(at(name), text);
}

for (
  const name of ["same", "overwritten", "cut", "cut-synced", "emptied", "moved", "removed", "gone"]
) {
  write(name, "x".repeat(5000));
  sync(name);
}
write("empty", "never synced");
syncFolder();
using(at("overwritten"), "r+", (file) => {
  writeSync(file, "synced");
  fdatasyncSync(file);
  writeSync(file, "vanishes");
});
truncateSync(at("cut"), 100);
using(at("cut-synced"), "r+", (file) => {
  ftruncateSync(file, 10);
  writeSync(file, "y");
  fsyncSync(file);
});
write("emptied", "");
rmSync(at("gone"));
syncFolder();
renameSync(at("moved"), at("moved-there"));
rmSync(at("removed"));
write("nameless", "its folder is not synced");
sync("nameless");
