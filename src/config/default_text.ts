import text from "../../config/broker.toml" with { type: "text" };

/** The configuration that is used when none is named, and how messages call it. */
export const DEFAULT_FILE = Object.freeze({ name: "built-in broker.toml", text });
