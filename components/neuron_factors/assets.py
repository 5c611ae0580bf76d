"""The script and style of NeuronFactors, for the app and for stand-alone pages."""

from components.figure.assets import Assets

ASSETS = Assets(
    name="neuronFactors",
    root_class="seqscope-factors seqscope-heatmap",
    scripts=(
        "token_heatmap/model.js",
        "token_heatmap/words.js",
        "token_heatmap/palette.js",
        "figure/widgets.js",
        "figure/pins.js",
        "figure/base.js",
        "figure/curves.js",
        "neuron_factors/model.js",
        "neuron_factors/parts.js",
        "neuron_factors/script.js",
    ),
    styles=("token_heatmap/style.css", "figure/curves.css", "figure/pins.css", "neuron_factors/style.css"),
    exports=("mount: mountFactors", "parseState: parseFactorState", "formatState: formatFactorState"),
)
