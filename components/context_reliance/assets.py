"""The script and style of ContextReliance, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="contextReliance",
    root_class="seqscope-reliance seqscope-heatmap",
    scripts=(
        "token_heatmap/words.js",
        "token_heatmap/palette.js",
        "figure/widgets.js",
        "figure/pins.js",
        "figure/base.js",
        "context_reliance/model.js",
        "context_reliance/parts.js",
        "context_reliance/reading.js",
        "context_reliance/script.js",
    ),
    styles=("token_heatmap/style.css", "figure/pins.css", "context_reliance/style.css"),
)
