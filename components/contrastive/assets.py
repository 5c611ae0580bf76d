"""The script and style of ContrastMap, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="contrastMap",
    root_class="seqscope-contrast seqscope-heatmap",
    scripts=(
        "token_heatmap/model.js",
        "token_heatmap/words.js",
        "token_heatmap/palette.js",
        "figure/widgets.js",
        "figure/pins.js",
        "figure/base.js",
        "figure/flow.js",
        "figure/curves.js",
        "contrastive/model.js",
        "contrastive/parts.js",
        "contrastive/script.js",
    ),
    styles=("token_heatmap/style.css", "figure/curves.css", "figure/pins.css", "contrastive/style.css"),
    exports=("mount: mountContrast", "parseState: parseView", "formatState: formatView"),
)
