"""The script and style of TokenHeatmap, for the app and for stand-alone pages."""

from ..figure.assets import Assets

ASSETS = Assets(
    name="tokenHeatmap",
    root_class="seqscope-heatmap seqscope-figure",
    entry="token_heatmap/script.js",
    styles=("token_heatmap/panes.css",),
)
ROOT_CLASS = ASSETS.root_class
script, style, packed = ASSETS.script, ASSETS.style, ASSETS.packed
