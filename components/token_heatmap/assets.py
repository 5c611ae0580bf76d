"""The script and style of TokenHeatmap, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="tokenHeatmap",
    root_class="seqscope-heatmap",
    scripts=(
        "token_heatmap/model.js",
        "token_heatmap/planes.js",
        "token_heatmap/words.js",
        "token_heatmap/palette.js",
        "figure/widgets.js",
        "figure/pins.js",
        "figure/base.js",
        "token_heatmap/parts.js",
        "token_heatmap/others.js",
        "figure/flow.js",
        "token_heatmap/matrix.js",
        "token_heatmap/steps.js",
        "token_heatmap/pane.js",
        "token_heatmap/reading.js",
        "token_heatmap/script.js",
    ),
    styles=("token_heatmap/style.css", "figure/pins.css", "token_heatmap/panes.css"),
)
ROOT_CLASS = ASSETS.root_class
script, style, packed = ASSETS.script, ASSETS.style, ASSETS.packed
