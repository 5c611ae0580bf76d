"""A method of your own, beside two built-in ones: how far the target falls when a token becomes the one before it.

`python examples/method_of_your_own.py`, or on the page:
`SEQSCOPE_PLUGINS=examples/method_of_your_own.py python app.py`.
"""

from seqscope import ComparisonSpec, Method, register, run
from spaces_app.methods import AttributionScores


def neighbour(run, request):
    """Gradient · (own embedding − embedding of the token before): the fall by such an exchange, to first order."""
    change = run.embeds - run.embeds.roll(1, 0)  # (n_inputs, D)
    change[0] = 0.0
    parts = (
        (steps, (gradient * change[: gradient.shape[1]]).sum(-1)) for steps, gradient in run.gradients(request.score)
    )
    return AttributionScores(run.collect(parts))


register(
    Method(
        name="neighbour",
        label="Neighbour",
        family="gradient",
        description="How much the target would fall if a token were the one before it, to first order.",
        source="https://arxiv.org/abs/1412.6815",
        signed=True,
        complete=False,
        options=("step_function",),
        attribute=neighbour,
        cost=lambda inputs: inputs.gradients,
    )
)

if __name__ == "__main__":
    result = run(ComparisonSpec(prompt="The keys to the cabinet", methods="saliency,occlusion,neighbour"))
    names = list(result.arrays["agreement"].axes["method"])
    for name, row in zip(names, result.arrays["agreement"].values, strict=True):
        print(f"{name:>10}", *(f"{value:6.2f}" for value in row))
