const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli) of the bytes, those of `[zeroStart, zeroEnd)` taken for 0. */
export function crc32c(bytes: Uint8Array, zeroStart = 0, zeroEnd = 0): number {
  let crc = 0xffff_ffff;
  for (let index = 0; index < bytes.length; index++) {
    const byte = index >= zeroStart && index < zeroEnd ? 0 : bytes[index] as number;
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
