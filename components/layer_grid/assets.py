"""The script and style of LayerGrid, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="layerGrid",
    root_class="seqscope-grid seqscope-heatmap",
    scripts=(
        "token_heatmap/model.js",
        "token_heatmap/words.js",
        "token_heatmap/palette.js",
        "figure/widgets.js",
        "figure/pins.js",
        "figure/base.js",
        "figure/curves.js",
        "token_heatmap/matrix.js",
        "layer_grid/model.js",
        "layer_grid/along.js",
        "layer_grid/script.js",
    ),
    styles=("token_heatmap/style.css", "figure/curves.css", "figure/pins.css", "layer_grid/style.css"),
    exports=("mount: mountGrid", "parseState: parseGridState", "formatState: formatGridState"),
)
