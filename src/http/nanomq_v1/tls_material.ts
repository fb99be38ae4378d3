import { createPrivateKey, X509Certificate } from "node:crypto";

/** Labels of PEM. */
export const PEM_CERTIFICATE = /^(?:X509 |TRUSTED )?CERTIFICATE$/;
export const PEM_KEY = /^(?:(?:RSA|EC|ENCRYPTED) )?PRIVATE KEY$/;

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;

/** What a TLS listener would be opened with; null: there is none. */
export interface TlsTexts {
  readonly cert: string | null;
  readonly key: string | null;
  readonly keyPassword: string | null;
  readonly ca: string | null;
}

/** Whether `value` is PEM with a block of that label. What is in the block is not looked at. */
export function looksLikePem(value: unknown, label: RegExp): value is string {
  return typeof value === "string" &&
    blocksOf(value).some((block) => label.test(block.label));
}

/** The first part that a listener could not be opened with; undefined: it could. */
export function badPart(
  { cert, key, keyPassword, ca }: TlsTexts,
): "cert" | "key" | "cacert" | undefined {
  const certificates = cert === null ? [] : certificatesOf(cert);
  if (certificates === undefined) return "cert";
  if (ca !== null && certificatesOf(ca) === undefined) return "cacert";
  const privateKey = key === null ? undefined : keyOf(key, keyPassword);
  if (key !== null && privateKey === undefined) return "key";
  const [own] = certificates;
  if (own === undefined || privateKey === undefined) return undefined;
  return own.checkPrivateKey(privateKey) ? undefined : "key";
}

function blocksOf(text: string): readonly { readonly label: string; readonly block: string }[] {
  const blocks: { label: string; block: string }[] = [];
  for (const { index, 1: label = "" } of text.matchAll(BEGIN)) {
    const end = `-----END ${label}-----`;
    const at = text.indexOf(end, index);
    // Every search that finds nothing goes to the end of the text: one is enough.
    if (at < 0) break;
    blocks.push({ label, block: text.slice(index, at + end.length) });
  }
  return blocks;
}

/** Undefined: one of them cannot be read. */
function certificatesOf(text: string): readonly X509Certificate[] | undefined {
  try {
    return blocksOf(text).filter(({ label }) => PEM_CERTIFICATE.test(label))
      .map(({ block }) => new X509Certificate(block));
  } catch {
    // Whoever asks has a word for it; the library's words differ from runtime to runtime.
    return undefined;
  }
}

/** Undefined: it cannot be read, or not with this password. */
function keyOf(
  key: string,
  passphrase: string | null,
): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(passphrase === null ? { key } : { key, passphrase });
  } catch {
    return undefined;
  }
}
