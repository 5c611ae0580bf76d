// The types of a figure of neuron factors.
import type { FigureModel, FigureParts, FigureSettings } from "../figure/contract.js";
import type { FigureValue, Token } from "../figure/types.js";

/** tokens: those that fire it most; sign "-" for its negative half; side: "encoder" or "decoder". */
export interface Neuron {
  layer: number;
  index: number;
  weight: number;
  tokens?: number[];
  sign?: string;
  side?: string;
}

export interface Weighted {
  text: string;
  weight: number;
}

export interface Likely {
  text: string;
  p: number;
}

/** What the model does without a factor's neurons, or with them at `scale`; written: each token's probability then. */
export interface Ablation {
  about?: string;
  factor?: number;
  scale?: number;
  before: Likely[];
  after: Likely[];
  text_before?: string;
  text_after?: string;
  written?: (number | null)[];
}

/** values: its activation at each token; share: of all activation; layers: the share of its weight in each. */
export interface FactorValue {
  number?: number;
  share: number;
  values: (number | null)[];
  layers?: number[];
  neurons?: Neuron[];
  promoted?: Weighted[];
  suppressed?: Weighted[];
  ablation?: Ablation | null;
  stability?: number | null;
}

/** selected: a factor, counted from 0; written: the probability of each token as it is. */
export interface FactorsValue extends FigureValue {
  tokens: Token[];
  factors: FactorValue[];
  layer_labels?: string[];
  written?: (number | null)[] | null;
  about?: string;
  selected?: number;
}

/** i: its place in the list; most: its highest activation. */
export interface Factor {
  i: number;
  number: number;
  share: number;
  values: Float64Array;
  most: number;
  layers: Float64Array;
  neurons: Neuron[];
  promoted: Weighted[];
  suppressed: Weighted[];
  ablation: Ablation | null;
  stability: number;
}

/** cells: the number of the cell that each token stands in; sides: how many of encoder and decoder there are. */
export interface FactorsModel extends FigureModel {
  tokens: Token[];
  factors: Factor[];
  sides: number;
  written: (number | null)[] | null;
  layerLabels: string[];
  cells: number[];
  about: string;
  selected: number;
}

export interface FactorSettings extends FigureSettings {
  factor: number | null;
  token: number | null;
  more: boolean;
}

export interface FactorsParts extends FigureParts {
  stale: HTMLElement;
  list: HTMLElement;
  more: HTMLButtonElement;
  hint: HTMLElement;
  text: HTMLElement;
  card: HTMLElement;
}

export interface FactorsKind {
  value: FactorsValue;
  model: FactorsModel;
  parts: FactorsParts;
  settings: FactorSettings;
}

/** What is pointed at. */
export type Over = { factor: number } | { token: number };
