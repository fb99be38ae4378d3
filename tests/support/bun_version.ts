/** The Bun that the project is tested with and compiled by: the version of its npm packages. */
export const BUN_VERSION = "1.4.4";
