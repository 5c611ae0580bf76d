"""How the page looks where Gradio draws it: system fonts, one accent, quiet lines. The rest is in styles/."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from spaces_app.components.figure.slimming import slim_style

# In this order: of two rules that weigh the same, the later one counts.
STYLES = ("page", "examples", "form", "picker", "share", "overview", "compare", "narrow")
# System fonts: a web font would be a request to somebody else's server and a later first paint.
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")

# (light, dark). Text on its background is at least 4.5 : 1 everywhere, which Gradio's own greys are not.
COLOURS = {
    "body_background_fill": ("#ffffff", "#101216"),
    "body_text_color": ("#14171c", "#f1f2f5"),
    "body_text_color_subdued": ("#565b64", "#a9aeb8"),
    "background_fill_primary": ("#ffffff", "#101216"),
    "background_fill_secondary": ("#f6f7f9", "#171a20"),
    "border_color_primary": ("#dcdfe4", "#32363e"),
    "border_color_accent": ("#1d5fb8", "#7db2f5"),
    "color_accent_soft": ("#eaf0fb", "#1c2740"),
    "block_background_fill": ("transparent", "transparent"),
    "block_info_text_color": ("#565b64", "#a9aeb8"),
    "block_title_text_color": ("#3a404a", "#c6cbd4"),
    "block_label_text_color": ("#3a404a", "#c6cbd4"),
    "accordion_text_color": ("#3a404a", "#c6cbd4"),
    "input_background_fill": ("#ffffff", "#15181d"),
    "input_background_fill_focus": ("#ffffff", "#15181d"),
    "input_border_color": ("#c8cdd5", "#3a404b"),
    "input_border_color_focus": ("#1d5fb8", "#7db2f5"),
    "input_placeholder_color": ("#6d7480", "#8d95a1"),
    "checkbox_border_color": ("#8a919d", "#6d7480"),
    "checkbox_label_background_fill": ("transparent", "transparent"),
    "checkbox_background_color_selected": ("#1d5fb8", "#2f6fc4"),
    "slider_color": ("#1d5fb8", "#7db2f5"),
    "button_primary_background_fill": ("#1d5fb8", "#2f6fc4"),
    "button_primary_background_fill_hover": ("#174f9c", "#2864b4"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_primary_border_color": ("#1d5fb8", "#2f6fc4"),
    "button_secondary_background_fill": ("#ffffff", "#171a20"),
    "button_secondary_background_fill_hover": ("#f0f2f5", "#20242c"),
    "button_secondary_text_color": ("#14171c", "#f1f2f5"),
    "button_secondary_border_color": ("#c8cdd5", "#3a404b"),
}
SHAPES = {
    "color_accent": "#1d5fb8",
    "body_text_size": "16px",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_radius": "0px",
    "block_title_text_size": "14px",
    "block_title_text_weight": "600",
    "block_info_text_size": "13px",
    "block_label_text_size": "14px",
    "input_border_width": "1px",
    "input_padding": "9px 11px",
    "input_radius": "8px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 1px var(--input-border-color-focus)",
    "input_text_size": "15px",
    "layout_gap": "18px",
    "button_large_radius": "8px",
    "button_large_text_size": "15px",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "checkbox_label_padding": "0px",
    "checkbox_label_shadow": "none",
    "checkbox_label_border_width": "0px",
    "container_radius": "0px",
}


def theme() -> gr.themes.Base:
    """The Gradio theme. Light or dark follows the visitor's system, or `?__theme=light|dark`."""
    both = {name: light for name, (light, _) in COLOURS.items()}
    both |= {f"{name}_dark": dark for name, (_, dark) in COLOURS.items()}
    return gr.themes.Base(font=SANS, font_mono=MONO).set(**both, **SHAPES)


def css() -> str:
    """The style sheet of everything that is not a component."""
    files = (Path(__file__).parent / "styles" / f"{name}.css" for name in STYLES)
    return "\n".join(slim_style(path.read_text(encoding="utf-8")) for path in files)
