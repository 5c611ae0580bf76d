// What figures have in common: the data Python sends, and what is made of it.

// ---- What Python sends

export type Segment = "source" | "prompt" | "generated";

export interface Token {
  id: number;
  text: string;
  segment: Segment;
  special: boolean;
}

/** A matrix as base64 of little-endian float32 by rows; NaN stands for a cell that cannot exist. */
export interface Packed {
  rows: number;
  cols: number;
  f32: string;
}

/** A decoded matrix. */
export interface Matrix {
  rows: number;
  cols: number;
  values: Float32Array;
}

/** Shades of a theme: hues as red, green and blue, the others as CSS. */
export interface Colours {
  positive: number[];
  negative: number[];
  ink: string;
  muted: string;
  grid: string;
  line: string;
  curve: string;
}

/** A label and a text below a figure; `about` explains it. */
export interface Badge {
  label: string;
  text: string;
  about?: string;
}

/** What every figure's value may carry. state: the look that a link asks for; origin: whence its numbers come. */
export interface FigureValue {
  kind: string;
  origin?: string;
  state?: string;
  notes?: string[];
  badges?: Badge[];
}

/** Another token that might have been written, with its probability. */
export interface Other {
  id: number;
  text: string;
  p: number;
  special?: boolean;
}

/** The value of a token heatmap; `components/README.md` says what each key means. */
export interface ScoresValue extends FigureValue {
  tokens: Token[];
  groups?: Partial<Record<UnitKind, number[]>>;
  generated: number[];
  scores: Packed;
  signed?: boolean;
  domain?: [number, number] | number | null;
  method?: string;
  target?: string;
  unit?: string;
  merge?: string;
  steps?: Steps;
  step_labels?: Record<string, StepLabel>;
  shown?: string[];
  others?: Other[][];
  selected?: Span;
}

// ---- What is made of it

export type UnitKind = "token" | "word" | "sentence";
/** First and last of a run, both of them in it. */
export type Span = [number, number];
/** A label and a text. */
export type Pair = [string, string];
/** A value to choose and what is shown for it. */
export type Choice = [string, string];
/** Plain strings, and text of the model, which is set apart and isolated. */
export type Caption = (string | { quote: string })[];
/** For each generated token a number, or null where it is not known. */
export type Steps = Record<string, (number | null)[]>;

export interface StepLabel {
  label: string;
  unit: string;
}

/** A piece of text: at either end "space"; a "mark" is a picture of a control character, a "break" follows its mark. */
export interface Piece {
  kind: "text" | "space" | "mark" | "break";
  text: string;
}

/** A note of an author; `place` is a token's number, or what a figure says it is. */
export interface Pin {
  place: string;
  text: string;
}

/** A token, word or sentence: its tokens, and its columns or -1 where nothing of it was generated. */
export interface Unit {
  first: number;
  last: number;
  text: string;
  segment: Segment;
  special: boolean;
  c0: number;
  c1: number;
}

/** A checked, decoded ScoresValue. scores: n rows of so many columns. scale: the common end of colours, 0 for none. */
export interface ScoreModel {
  tokens: Token[];
  generated: number[];
  scores: Float32Array;
  columnOf: Int32Array;
  n: number;
  columns: number;
  groups: Partial<Record<UnitKind, number[]>>;
  signed: boolean;
  scale: number;
  method: string;
  target: string;
  unit: string;
  steps: Steps;
  stepLabels: Record<string, StepLabel>;
  shown: string[];
  others: Other[][];
  selected: Span;
  state: string;
  notes: string[];
  badges: Badge[];
  tables: Partial<Record<UnitKind, Table>>;
  checks?: Badge[];
}

/** What a grid shows: values[u * C + c] is that of unit u at the c-th target, NaN where there is none. */
export interface GridTable<U extends GridUnit = GridUnit> {
  units: U[];
  targets: number[];
  values: Float32Array;
  C: number;
  scored: Uint8Array;
}

export interface GridUnit {
  text: string;
  segment: Segment;
  special?: boolean;
}

/** Scores summed over the tokens of each unit. targets: the generated units; U units, C targets. */
export interface Table extends GridTable<Unit> {
  kind: UnitKind;
  unitOfToken: Int32Array;
  targetOfUnit: Int32Array;
  U: number;
  max: number;
  totals: Float64Array;
  maxima: Float64Array;
}

/** One number per unit, NaN where nothing was scored; order: the units by size, largest first; rank: from 1. */
export interface Ranking {
  values: Float64Array;
  shares: Float64Array;
  order: number[];
  rank: Map<number, number>;
  total: number;
  max: number;
}

/** Where something is drawn on the screen. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A cell of a grid as units, one of them null on a label. */
export interface GridTarget {
  row: number | null;
  column: number | null;
}

export interface GridHandlers {
  hover(target: GridTarget | null): void;
  pick(target: GridTarget, extend: boolean): void;
  move(target: { row: number; column: number }, extend: boolean): void;
  clear(): void;
}

export interface GridPicture {
  ink: string;
  muted: string;
  grid: string;
  line: string;
  focus: Set<number>;
  source: number | null;
  shade(value: number, part: number): string;
  columnPart(value: number, column: number): number;
}

export interface FlowHandlers {
  hover(unit: number | null): void;
  pick(unit: number, extend: boolean): void;
  clear(): void;
}

/** How the running text is painted. dimAfter: units after it are not read yet. */
export interface FlowPicture {
  ranking: Ranking | null;
  part(value: number): number;
  colour(value: number): string;
  solid(value: number): string;
  focus: Set<number>;
  pinned: Set<number>;
  dimAfter: number;
  tabStops: number[];
}

export interface Curve {
  label: string;
  values: number[];
}

/** Lines over an axis of names. rank: whether 1 is on top, logarithmic. at: the name that is marked, or -1. */
export interface CurvePicture {
  names: string[];
  curves: Curve[];
  rank: boolean;
  axis: string;
  at: number;
}

export interface Switch {
  node: HTMLElement;
  set(value: string): void;
}
