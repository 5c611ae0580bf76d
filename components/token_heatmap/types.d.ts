// The types of a token heatmap. `components/README.md` says what each key of the value means.
import type { FigureSettings, LegendParts } from "../figure/contract.js";
import type {
  Badge, Choice, GridTarget, Packed, ScoreModel, ScoresValue, Span, Switch, UnitKind,
} from "../figure/types.js";
import type { Palette } from "../figure/palette.js";
import type { Tip } from "../figure/widgets.js";

/** Another method's scores of the same tokens. */
export interface PlaneValue {
  scores: Packed;
  signed?: boolean;
  domain?: ScoresValue["domain"];
  unit?: string;
  method?: string;
  target?: string;
  checks?: Badge[];
}

/** Scores of single layers and heads: names and labels of the axes, of which the last varies fastest. */
export interface PartValue {
  axes: Axis[];
  scores: Packed;
}

export type Axis = [name: string, labels: string[]];

/** agreement: of every two planes. ranked: whether the agreement is told. */
export interface HeatmapValue extends ScoresValue {
  planes?: PlaneValue[];
  parts?: PartValue[];
  agreement?: (number | null)[][] | null;
  ranked?: boolean;
}

export type ViewKind = "flow" | "percent" | "matrix";
export type RangeKind = "token" | "output";

/** sel: columns that are selected; in: an input token that is; part: the layer or head that is shown. */
export interface HeatmapSettings extends FigureSettings {
  unit: UnitKind;
  range: RangeKind;
  view: ViewKind;
  curve: string | null;
  part: number | null;
  sel: Span | null;
  in: number | null;
}

/** A list to choose from. note: what stands beside it. */
export interface Pick {
  node: HTMLElement;
  note: HTMLElement;
  fill(choices: (Choice | [value: string, text: string, group: string])[]): void;
  set(value: string): void;
}

export interface HeatmapParts extends LegendParts {
  hint: Tip;
  hintLine: HTMLElement;
  stale: HTMLElement;
  view: Switch;
  unit: Switch;
  range: Switch;
  curve: Pick;
  part: Pick;
  scale: HTMLElement;
  others: HTMLElement;
  agreement: HTMLElement;
}

export interface HeatmapKind {
  value: HeatmapValue;
  model: ScoreModel;
  parts: HeatmapParts;
  settings: HeatmapSettings;
}

export interface Slice {
  group: string;
  label: string;
  scores(): Float32Array;
}

/** A step score that is drawn: a number or null for each column, and the ends of its axis. */
export interface StepValues {
  name: string;
  values: (number | null)[];
  low: number;
  high: number;
}

/** What the picture is about: an input unit, or a run of targets. */
export type Subject = { source: number } | { c0: number; c1: number };

/** What is pointed at: a unit in the text, or a cell of the matrix. */
export type Hovered = { u: number } | GridTarget;

/** A run of text for captions, and its columns. */
export interface Target {
  text: string;
  c0: number;
  c1: number;
}

export interface Look {
  subject: Subject | null;
  held: Subject | null;
  hovered: Hovered | null;
  settings: HeatmapSettings;
  palette: Palette;
}

/** How alike two maps rank the text at the place that is looked at, and on average; NaN where it is not known. */
export interface Agreement {
  subject: { quote: string } | null;
  here(i: number, j: number): number;
  whole(i: number, j: number): number;
}

export interface LinePlace {
  top: number;
  bottom: number;
}

/** A point of the curve: its column, the unit it stands under, its place in the body. */
export interface CurvePoint {
  column: number;
  u: number;
  x: number;
  top: number;
  line: LinePlace;
  value: number | null;
}
