// What the small pieces of the page share: what Gradio gives them, and the events by which they know of each other.

/** What Gradio gives a piece. A value of None arrives as "". `watch` calls back when Python has sent another value. */
export interface Page<V> {
  element: HTMLElement;
  props: { value?: V | "" | null };
  trigger(name: string, detail?: Record<string, unknown>): void;
  watch(name: "value", then: () => void): void;
}

/** What a question takes, as Python predicts it: seconds by record, reasons by column, why some are not possible. */
export interface Costs {
  text?: string;
  field?: string;
  note?: string;
  limit?: number;
  again?: boolean;
  seconds?: Record<string, number>;
  reasons?: Record<string, Record<string, string>>;
}

/** A tab of the page; the costs that were told last stand on it for lists that are drawn later. */
export interface Tab extends HTMLElement {
  seqCosts?: Costs;
}

/** Events and what they carry: of a tab, or of the page for link, open and private. */
export interface Details {
  /** A link is shown; write: whether it goes into the address. */
  "seqscope:link": { link: string; write: boolean };
  /** The private link in the address is to be opened. */
  "seqscope:open": null;
  "seqscope:private": { on: boolean };
  /** Another tab has changed what links of the page look like. */
  "seqscope:relink": null;
  /** The share dialog is wanted for a result and the look of its figure. */
  "seqscope:share": { digest: string; view: string };
  /** A result is shown. */
  "seqscope:shown": { digest?: string };
  /** A figure looks otherwise; quiet: because it follows another one. */
  "seqscope:view": { state?: string; quiet?: boolean };
  /** Somebody has opened a list whose entries have costs. */
  "seqscope:wanted": null;
  "seqscope:costs": null;
  /** What the form says now, by field. */
  "seqscope:form": Record<string, unknown>;
}
