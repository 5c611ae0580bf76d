// What Python sends to Surprisal.
import type { FigureValue, Token } from "../figure/types.js";

/** `values` belong to the generated tokens, in order. */
export interface SurprisalValue extends FigureValue {
  tokens: Token[];
  values: number[];
  unit: string;
}
