import { messageOf } from "./banner.js";

const ARRAY_TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };

/**
 * The bytes of block `name`; throws with its name if it is missing or cannot be decoded.
 * @param {string} name
 */
export async function blockBytes(name) {
  const element = document.getElementById(`block-${name}`);
  if (!element) throw new Error(`the block "${name}" is missing`);
  try {
    const bytes = fromBase64(element.textContent);
    return element.dataset.encoding === "deflate" ? await inflate(bytes) : bytes;
  } catch (error) {
    throw new Error(
      `the block "${name}" cannot be decoded (${messageOf(error) || "damaged data"})`,
    );
  }
}

/**
 * The typed array of `spec` = {block, type, n}: stored byte plane by byte plane, the lowest first.
 * @param {ArraySpec} spec
 */
export async function blockArray(spec) {
  const Type = ARRAY_TYPES[spec.type];
  if (!Type) throw new Error(`the block "${spec.block}" has the unknown type "${spec.type}"`);
  const bytes = await blockBytes(spec.block);
  const { n } = spec;
  const expected = n * Type.BYTES_PER_ELEMENT;
  if (bytes.length !== expected) {
    const found = `${bytes.length} bytes where ${expected} were expected`;
    throw new Error(`the block "${spec.block}" holds ${found}`);
  }
  if (Type === Uint8Array) return bytes;
  const values = new Type(n);
  for (let plane = 0; plane < Type.BYTES_PER_ELEMENT; plane++) {
    const start = plane * n;
    const shift = plane * 8;
    for (let i = 0; i < n; i++) values[i] |= bytes[start + i] << shift;
  }
  return values;
}

/** @param {string} text */
function fromBase64(text) {
  // Newer browsers have it.
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * zlib through the browser's own decompressor; fetch is closed by the page's policy, so the stream
 * is read by hand.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function inflate(bytes) {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // A rejection of the writer is the reader's too, which is awaited below.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
