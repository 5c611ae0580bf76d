"""The figures as Gradio components: one name for them, in a checkout, on a Space and in an installed package.

Their folder is `components/` at the top of the repository. A wheel carries it inside this package, so that nothing of
ours is called `components` there, and a folder of that name beside somebody's `app.py` is theirs alone. This module
makes `spaces_app.components.token_heatmap` and the others found in either place.
"""

from pathlib import Path

_PACKED = Path(__file__).parent / "components"
_FOLDER = _PACKED if (_PACKED / "figure").is_dir() else Path(__file__).parents[1] / "components"
__path__ = [str(_FOLDER)]
