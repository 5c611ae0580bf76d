// The types of a figure of context reliance.
import type { FigureModel, FigureParts, FigureSettings } from "../figure/contract.js";
import type { Badge, FigureValue, Matrix, Packed, Segment, Span, Switch, Token } from "../figure/types.js";
import type { Cut } from "./parts.js";

/** How far each generated token depends on the context, by one measure. least: what counts as dependence at all. */
export interface Metric {
  name: string;
  label: string;
  unit?: string;
  values: (number | null)[];
  least?: number;
}

/** Columns of the answer, and what stands there where the context is taken away. */
export interface Alternative {
  start: number;
  stop: number;
  text: string;
  same: boolean;
}

/** What counts: deviations above the mean for words and for cues, the strongest so many (0: all), the least size. */
export interface Defaults {
  metric?: string;
  sigma: number;
  cue: number;
  top: number;
  least: number;
}

/** context: tokens of the context, the rows of scores; p_with, p_without: of each column; sentences: spans of tokens. */
export interface RelianceValue extends FigureValue {
  tokens: Token[];
  groups?: { word?: number[] };
  generated: number[];
  context: number[];
  metrics: Metric[];
  scores: Packed;
  p_with?: number[];
  p_without?: number[];
  without?: Alternative[];
  sentences?: { spans: Span[]; without: Packed; weights?: Packed | null } | null;
  defaults?: Partial<Defaults>;
  signed?: boolean;
  method?: string;
  target?: string;
  unit?: string;
}

export type Role = "context" | "query" | "answer";

export interface Sentences {
  spans: Span[];
  without: Matrix;
  weights: Matrix | null;
}

export interface RelianceModel extends FigureModel {
  tokens: Token[];
  generated: number[];
  context: number[];
  cues: Matrix;
  metrics: Metric[];
  role: Role[];
  sentences: Sentences | null;
  groups: { word?: number[] };
  with: number[];
  without: number[];
  alternatives: Alternative[];
  defaults: Defaults;
  signed: boolean;
  method: string;
  target: string;
  unit: string;
  badges: Badge[];
}

/** at: its rows of the context or its columns of the answer. */
export interface RoleUnit {
  first: number;
  last: number;
  text: string;
  role: Role;
  special: boolean;
  segment: Segment;
  at: number[];
}

/** Units by role. dependence: of an answer unit; cue: a context unit's part in it; explained: whether that is known. */
export interface RelianceTable {
  kind: "token" | "word";
  units: RoleUnit[];
  context: RoleUnit[];
  answer: RoleUnit[];
  query: RoleUnit[];
  dependence(metric: Metric, unit: { at: number[] }): number;
  cue(from: { at: number[] }, to: { at: number[] }): number;
  explained(to: { at: number[] }): boolean;
}

/** chosen: indices, strongest first; nearest: that of the largest. */
export interface Chosen {
  cut: number;
  chosen: number[];
  nearest: number;
}

export interface Histogram {
  counts: number[];
  at: number;
  high: number;
}

/** fall: of the log-probability without the sentence; p: what is left of the probability. */
export interface RankedSentence {
  sentence: number;
  text: string;
  p: number;
  fall: number;
  weight: number | null;
}

/** sel: columns that are selected. */
export interface RelianceSettings extends FigureSettings {
  sel: Span | null;
  metric: string;
  unit: "token" | "word";
  view: "words" | "sentences";
  sigma: number;
  cue: number;
  top: number;
  least: number;
}

export interface RelianceParts extends FigureParts {
  view: Switch;
  unit: Switch;
  metric: HTMLSelectElement;
  stale: HTMLElement;
  contextColumn: HTMLElement;
  context: HTMLElement;
  sentences: HTMLElement;
  query: HTMLElement;
  answer: HTMLElement;
  without: HTMLElement;
  sigma: Cut;
  cue: Cut;
  anyway: HTMLButtonElement;
  pairs: HTMLElement;
}

export interface RelianceKind {
  value: RelianceValue;
  model: RelianceModel;
  parts: RelianceParts;
  settings: RelianceSettings;
}

/** What a visitor's hand is on. */
export interface RelianceHandlers {
  metric(value: string): void;
  view(value: string): void;
  unit(value: string): void;
  sigma(value: number): void;
  cue(value: number): void;
  anyway(): void;
}
