// The types of a contrastive figure.
import type { FigureModel, FigureSettings, LegendParts } from "../figure/contract.js";
import type { FigureValue, Packed, ScoreModel, ScoresValue, Span, Switch, Token } from "../figure/types.js";

/** A token that might stand at a place, with its probability. */
export interface ContrastChoice {
  id: number;
  text: string;
  p: number;
}

export type ShownKind = "difference" | "a" | "b";
export type Side = "a" | "b";

/** Layers by columns: probability and rank of A and of B, read from every layer. */
export interface LayersValue {
  labels: (string | number)[];
  p_a: Packed;
  p_b: Packed;
  rank_a: Packed;
  rank_b: Packed;
}

/** The other prompt of a minimal pair; tokens that differ are `changed`. */
export interface PairValue {
  label?: string;
  tokens: { text: string; changed?: boolean }[];
}

/** a, b, top: for each column A, B and the likeliest tokens; compared: columns where A and B differ. */
export interface ContrastValue extends FigureValue {
  tokens: Token[];
  groups?: ScoresValue["groups"];
  generated: number[];
  scores: Partial<Record<ShownKind, Packed>>;
  a?: (ContrastChoice | null)[];
  b?: (ContrastChoice | null)[];
  top?: ContrastChoice[][];
  compared?: number[];
  layers?: LayersValue | null;
  pair?: PairValue | null;
  slot?: boolean;
  signed?: boolean;
  method?: string;
  target?: string;
  unit?: string;
}

export interface Layers {
  labels: string[];
  p: Record<Side, (layer: number, column: number) => number>;
  rank: Record<Side, (layer: number, column: number) => number>;
}

/** models: one for each matrix that was sent; they share everything but the scores. */
export interface ContrastModel extends FigureModel {
  models: { difference: ScoreModel; a: ScoreModel | null; b: ScoreModel | null };
  columns: number;
  tokens: Token[];
  generated: number[];
  a: (ContrastChoice | null)[];
  b: (ContrastChoice | null)[];
  top: ContrastChoice[][];
  compared: number[];
  layers: Layers | null;
  pair: PairValue | null;
  slot: boolean;
  method: string;
  target: string;
  unit: string;
}

/** sel: the column that is looked at, twice. */
export interface ContrastSettings extends FigureSettings {
  sel: Span;
  unit: "token" | "word";
  show: ShownKind;
  lines: "p" | "rank";
}

export interface ContrastParts extends LegendParts {
  a: HTMLElement;
  b: HTMLElement;
  swap: HTMLButtonElement;
  odds: HTMLElement;
  show: Switch;
  unit: Switch;
  lines: Switch;
  stale: HTMLElement;
  flow: HTMLElement;
  pair: HTMLElement;
  bars: HTMLElement;
  layers: HTMLElement;
  lineText: HTMLElement;
  chart: HTMLElement;
}

export interface ContrastKind {
  value: ContrastValue;
  model: ContrastModel;
  parts: ContrastParts;
  settings: ContrastSettings;
}

export interface ContrastHandlers {
  show(value: string): void;
  unit(value: string): void;
  lines(value: string): void;
  swap(): void;
}
