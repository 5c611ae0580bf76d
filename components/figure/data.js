// What Python sends, decoded: matrices of numbers and tokens.

/** @import { Matrix, Packed, Token } from "./types.js" */


/**
 * base64 of little-endian float32 -> Float32Array; NaN stands for a cell that cannot exist.
 * @param {{ f32: string }} scores @returns {Float32Array<ArrayBuffer>}
 */
export function decodeScores(scores) {
  const binary = atob(scores.f32);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Float32Array(bytes.buffer); // every browser runs on little-endian machines
}

/** A matrix with its shape. Throws where there are more or fewer numbers. @param {Packed} packed @returns {Matrix} */
export function decodeMatrix(packed) {
  const values = decodeScores(packed);
  if (values.length !== packed.rows * packed.cols) throw new Error("scores and tokens do not fit");
  return { rows: packed.rows, cols: packed.cols, values };
}

/**
 * A token with empty text is the rest of a character that stands at the token before it: both are one cell.
 * @param {Token[]} tokens @returns {number[]}
 */
export function cellNumbers(tokens) {
  let current = -1;
  return tokens.map((token, i) => {
    const before = tokens[i - 1];
    const joins = before && token.text === "" && !token.special && !before.special && before.segment === token.segment;
    if (!joins) current += 1;
    return current;
  });
}
