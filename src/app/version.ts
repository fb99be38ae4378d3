import description from "../../package.json" with { type: "json" };

/** Of this program; `package.json` is the one place where it is written. */
export const VERSION: string = description.version;
