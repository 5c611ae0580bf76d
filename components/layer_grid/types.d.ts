// The types of a grid of layers.
import type { FigureModel, FigureSettings, LegendParts } from "../figure/contract.js";
import type { FigureValue, GridTable, GridUnit, Packed, Segment, Span, Switch } from "../figure/types.js";

export type ScaleKind = "linear" | "log" | "rank";

/** high: the end of the scale, where it is given. */
export interface MatrixValue extends Packed {
  name: string;
  label: string;
  unit?: string;
  signed?: boolean;
  scale?: ScaleKind;
  about?: string;
  high?: number | null;
}

/** For each row and column a list of texts with their probabilities. */
export type Top = [text: string, p: number][][][];

/** watched: lines down the rows instead of the matrix; upward: the first row is at the bottom; along: rows are read. */
export interface GridValue extends FigureValue {
  rows: { label: string; names: string[] };
  cols: { label: string; names: string[]; segments?: Segment[] };
  matrices: MatrixValue[];
  top?: Top | null;
  watched?: (Packed & { label: string })[];
  watched_unit?: string;
  upward?: boolean;
  along?: boolean;
  hint?: string;
  selected?: Span;
}

export interface GridMatrix {
  name: string;
  label: string;
  unit: string;
  values: Float32Array;
  signed: boolean;
  scale: ScaleKind;
  about: string;
  high: number | null;
}

export interface GridModel extends FigureModel {
  matrices: GridMatrix[];
  rows: { label: string; names: string[] };
  cols: { label: string; names: string[]; segments: Segment[] };
  top: Top | null;
  watched: { label: string; values: Float32Array }[];
  watchedUnit: string;
  upward: boolean;
  along: boolean;
  hint: string;
  selected: Span;
}

/** A row or a column as a unit of the matrix picture; the other of the two is -1. */
export interface LineUnit extends GridUnit {
  row: number;
  column: number;
}

export interface LayerTable extends GridTable<LineUnit> {
  order: number[];
  unitOfRow(row: number): number;
}

/** sel: row and column of the cell that is read. */
export interface GridSettings extends FigureSettings {
  sel: Span;
  show: string;
}

export interface LayerGridParts extends LegendParts {
  toolbar: HTMLElement;
  stale: HTMLElement;
  hint: HTMLElement;
  matrix: HTMLElement;
  top: HTMLElement;
  chart: HTMLElement;
  show: Switch;
}

export interface GridKind {
  value: GridValue;
  model: GridModel;
  parts: LayerGridParts;
  settings: GridSettings;
}

/** A row along the text: a column without a number is a gap. */
export interface AlongPicture {
  names: string[];
  values: Float32Array;
  at: number;
  label: string;
}
