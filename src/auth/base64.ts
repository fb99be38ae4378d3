const ALPHABET = /^[A-Za-z0-9+/]*={0,2}$/;

/** With or without padding; undefined for what is no base64, so also for stray bits at the end. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!ALPHABET.test(text)) return undefined;
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return toBase64(bytes).replace(/=+$/, "") === text.replace(/=+$/, "") ? bytes : undefined;
}

/** With padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
