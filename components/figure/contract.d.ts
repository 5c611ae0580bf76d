// The contract of a figure: what it gives to `Figure`, and what a page gets.
import type { Figure } from "./base.js";
import type { Badge, FigureValue, Pin, Span } from "./types.js";
import type { Legend, Tip } from "./widgets.js";

export interface FigureModel {
  state: string;
  notes: string[];
  badges: Badge[];
}

/** The elements that every figure has. frame and empty: one of them is shown. status: read out by screen readers. */
export interface FigureParts {
  empty: HTMLElement;
  frame: HTMLElement;
  stage: HTMLElement;
  caption: HTMLElement;
  details: HTMLElement;
  badges: HTMLElement;
  notes: HTMLElement;
  status: HTMLElement;
  tip: Tip;
}

export interface LegendParts extends FigureParts {
  legend: Legend;
}

export interface FigureSettings {
  pins: Pin[];
}

/** The types of one figure: what Python sends, what is made of it, its elements, what a visitor can change. */
export interface Kind {
  value: FigureValue;
  model: FigureModel;
  parts: FigureParts;
  settings: FigureSettings;
}

/**
 * What a figure adds to `Figure`, which calls it. Written `@implements {Contract<…>}` by each of them.
 *
 * A new value calls load, begin and rebuild, in this order; the theme, paint. Notes and the selection that all figures
 * of a page share go by places and tokens.
 */
export interface Contract<K extends Kind> {
  parts: K["parts"];
  model: K["model"];
  settings: K["settings"];
  /** Sets `model`. Throws where the parts of the data do not fit together. */
  load(data: K["value"]): void;
  /** Sets settings to what `model.state` asks for, and fills what stays until the next value. */
  begin(): void;
  /** Makes the cells anew, and paints. */
  rebuild(): void;
  /** Colours and tells what is selected and pointed at. Called before there is a model, too. */
  paint(): void;
  /** The look as a link carries it. */
  state(): string;
  /** Takes over some settings, shows them and announces them. */
  change(part: Partial<K["settings"]>): void;
  /** The tokens it shows, in order: what two figures must share to follow each other. */
  words(): { text: string; segment?: string }[];
  /** The first and last token that are selected, or null. */
  pinned(): Span | null;
  /** Selects tokens, as another figure has done. */
  choose(first: number, last: number): void;
  /** Where a clicked element is, for notes, or null. */
  placeOf(node: Element): string | null;
  /** The place of what is selected, or null. */
  pinPlace(): string | null;
  /** The name of a place, null for one that the figure has not. */
  nameOf(place: string): string | null;
  /** What stands at a place as the text is cut now. */
  titleOf(place: string): string | null;
  /** The elements that bear the marks of a place. */
  nodesOf(place: string): HTMLElement[];
  /** Selects a place, on the tour of the notes. */
  visit(place: string): void;
  /** Marks have taken room: what was measured is to be measured again. */
  moved?(): void;
}

/** A figure as `Figure` and the notes see it. */
export type Whole<K extends Kind> = Figure<K> & Contract<K>;

/** Tells Python of a pin (`index`, `value`, `state`) or of a further question (`ask`). */
export type Emit = (detail: Record<string, unknown>) => void;

/** A figure on a page: `update` draws another value, `destroy` empties its element. */
export interface Mounted<V> {
  update(value: V | string | null): void;
  destroy(): void;
}

export type Mount<V> = (root: HTMLElement, value?: V | string | null, options?: { emit?: Emit }) => Mounted<V>;

declare global {
  interface Window {
    /** The figures that are loaded, by name, and the one selection of the page. */
    Seqscope: { selection?: { by: unknown; at: Span; words: string[] } };
  }
}
