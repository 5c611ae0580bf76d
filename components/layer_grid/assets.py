"""The script and style of LayerGrid, for the app and for stand-alone pages."""

from ..figure.assets import Assets

ASSETS = Assets(
    name="layerGrid",
    root_class="seqscope-grid seqscope-figure",
    entry="layer_grid/script.js",
    styles=("figure/curves.css", "layer_grid/style.css"),
)
