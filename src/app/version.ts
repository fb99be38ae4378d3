import description from "../../package.json" with { type: "json" };

/** Of this program; `package.json` is the one place where it is written. */
export const VERSION: string = description.version;

/** `compile.sh` puts the commit into its place; nothing where there is none. */
const COMMIT_PLACE: string = "@commit@";

/** What the executable was made from; undefined where nobody knows, as when it runs from source. */
export const COMMIT: string | undefined = COMMIT_PLACE === "" || COMMIT_PLACE.startsWith("@")
  ? undefined
  : COMMIT_PLACE;
