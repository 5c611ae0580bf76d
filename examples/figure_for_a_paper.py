"""A figure for a paper: `python examples/figure_for_a_paper.py OUT` writes it as SVG, LaTeX and a page of its own."""

import sys
from pathlib import Path

from seqscope import ContrastiveSpec, run, save, to_link


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    result = run(ContrastiveSpec(prompt="The keys to the cabinet", continuation=" are", contrast=" is"))
    for name in ("figure.svg", "figure.tex", "figure.html", "numbers.csv"):
        print(save(result, folder / name))
    print("The question as a link:", to_link(result.spec, "http://127.0.0.1:7860/"))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
