"""How to cite a figure: the method's paper, the model at its revision, this tool at its version. BibTeX and APA."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spaces_app.analyses import ANALYSES
from spaces_app.figures.still.latex import escape
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.version import __version__


@dataclass(frozen=True)
class Paper:
    """A publication: authors as "Family, Given", title, year, where it appeared."""

    authors: tuple[str, ...]
    title: str
    year: int
    venue: str = ""


# By the address that methods, step functions and analyses name as their source.
PAPERS: dict[str, Paper] = {
    "https://arxiv.org/abs/1312.6034": Paper(
        ("Simonyan, Karen", "Vedaldi, Andrea", "Zisserman, Andrew"),
        "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps",
        2014,
        "ICLR Workshop",
    ),
    "https://arxiv.org/abs/1412.6815": Paper(
        ("Denil, Misha", "Demiraj, Alban", "de Freitas, Nando"),
        "Extraction of Salient Sentences from Labelled Documents",
        2014,
    ),
    "https://arxiv.org/abs/1703.01365": Paper(
        ("Sundararajan, Mukund", "Taly, Ankur", "Yan, Qiqi"),
        "Axiomatic Attribution for Deep Networks",
        2017,
        "ICML",
    ),
    "https://arxiv.org/abs/1705.07874": Paper(
        ("Lundberg, Scott M.", "Lee, Su-In"), "A Unified Approach to Interpreting Model Predictions", 2017, "NeurIPS"
    ),
    "https://arxiv.org/abs/2108.13654": Paper(
        ("Sanyal, Soumya", "Ren, Xiang"),
        "Discretized Integrated Gradients for Explaining Language Models",
        2021,
        "EMNLP",
    ),
    "https://arxiv.org/abs/2305.15853": Paper(
        ("Enguehard, Joseph",),
        "Sequential Integrated Gradients: a simple but effective method for explaining language models",
        2023,
        "Findings of ACL",
    ),
    "https://arxiv.org/abs/1704.02685": Paper(
        ("Shrikumar, Avanti", "Greenside, Peyton", "Kundaje, Anshul"),
        "Learning Important Features Through Propagating Activation Differences",
        2017,
        "ICML",
    ),
    "https://arxiv.org/abs/1802.03788": Paper(
        ("Leino, Klas", "Sen, Shayak", "Datta, Anupam", "Fredrikson, Matt", "Li, Linyi"),
        "Influence-Directed Explanations for Deep Convolutional Networks",
        2018,
        "ITC",
    ),
    "https://arxiv.org/abs/1311.2901": Paper(
        ("Zeiler, Matthew D.", "Fergus, Rob"), "Visualizing and Understanding Convolutional Networks", 2014, "ECCV"
    ),
    "https://arxiv.org/abs/1602.04938": Paper(
        ("Ribeiro, Marco Tulio", "Singh, Sameer", "Guestrin, Carlos"),
        "“Why Should I Trust You?”: Explaining the Predictions of Any Classifier",
        2016,
        "KDD",
    ),
    "https://arxiv.org/abs/2104.12199": Paper(
        ("Mitchell, Rory", "Cooper, Joshua", "Frank, Eibe", "Holmes, Geoffrey"),
        "Sampling Permutations for Shapley Value Estimation",
        2022,
        "JMLR",
    ),
    "https://arxiv.org/abs/2402.00794": Paper(
        ("Zhao, Zhixue", "Shan, Boxuan"),
        "ReAGent: A Model-agnostic Feature Attribution Method for Generative Language Models",
        2024,
    ),
    "https://arxiv.org/abs/1409.0473": Paper(
        ("Bahdanau, Dzmitry", "Cho, Kyunghyun", "Bengio, Yoshua"),
        "Neural Machine Translation by Jointly Learning to Align and Translate",
        2015,
        "ICLR",
    ),
    "https://arxiv.org/abs/2004.10102": Paper(
        ("Kobayashi, Goro", "Kuribayashi, Tatsuki", "Yokoi, Sho", "Inui, Kentaro"),
        "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms",
        2020,
        "EMNLP",
    ),
    "https://arxiv.org/abs/2301.12971": Paper(
        ("Mohebbi, Hosein", "Zuidema, Willem", "Chrupała, Grzegorz", "Alishahi, Afra"),
        "Quantifying Context Mixing in Transformers",
        2023,
        "EACL",
    ),
    "https://arxiv.org/abs/2402.05602": Paper(
        (
            "Achtibat, Reduan",
            "Hatefi, Sayed Mohammad Vakilzadeh",
            "Dreyer, Maximilian",
            "Jain, Aakriti",
            "Wiegand, Thomas",
            "Lapuschkin, Sebastian",
            "Samek, Wojciech",
        ),
        "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers",
        2024,
        "ICML",
    ),
    "https://aclanthology.org/2022.emnlp-main.14": Paper(
        ("Yin, Kayo", "Neubig, Graham"), "Interpreting Language Models with Contrastive Explanations", 2022, "EMNLP"
    ),
    "https://arxiv.org/abs/2310.01188": Paper(
        ("Sarti, Gabriele", "Chrupała, Grzegorz", "Nissim, Malvina", "Bisazza, Arianna"),
        "Quantifying the Plausibility of Context Reliance in Neural Machine Translation",
        2024,
        "ICLR",
    ),
}


def sources(result: Result) -> list[str]:
    """Addresses of the papers behind a result: its analysis, its method, and a target that has a paper here."""
    spec = result.spec
    method = METHODS.get(getattr(spec, "method", ""))
    step_function = STEP_FUNCTIONS.get(getattr(spec, "step_function", ""))
    found = [ANALYSES[spec.kind].source, method.source if method else ""]
    found += [step_function.source] if step_function and step_function.source in PAPERS else []
    return list(dict.fromkeys(filter(None, found)))


def bibtex(result: Result, *, address: str = "") -> str:
    """BibTeX entries of the papers, the model and this tool; `address` is where the figure is."""
    entries = [_paper_entry(source) for source in sources(result)]
    model, url, revision = _model(result)
    facts = {"title": escape(model), "howpublished": rf"\url{{{url}}}" if url else "", "note": _at(revision)}
    entries.append(_entry("misc", _key(model), facts))
    tool = {"title": "Seqscope", "version": __version__, "url": _plain_url(address)}
    entries.append(_entry("software", "seqscope", tool))
    return "\n\n".join(entries) + "\n"


def apa(result: Result, *, address: str = "") -> str:
    """The same as references in APA style, one paragraph each."""
    lines = [_paper_reference(source) for source in sources(result)]
    model, url, revision = _model(result)
    at = f", revision {revision}" if revision else ""
    lines.append(f"{model} [Language model{at}]. {url}".strip())
    lines.append(f"Seqscope (Version {__version__}) [Computer software]. {_plain_url(address)}".strip())
    return "\n\n".join(lines) + "\n"


def _paper_entry(source: str) -> str:
    paper = PAPERS.get(source)
    if paper is None:
        return _entry("misc", _key(source.split("//")[-1]), {"howpublished": rf"\url{{{source}}}"})
    facts = {
        "author": " and ".join(escape(name).replace("{,}", ",") for name in paper.authors),
        "title": "{" + escape(paper.title) + "}",
        "year": str(paper.year),
        "booktitle" if paper.venue else "": paper.venue,
        "url": source,
    }
    key = f"{paper.authors[0].split(',')[0]}{paper.year}{paper.title.split()[0]}"
    return _entry("inproceedings" if paper.venue else "misc", _key(key), facts)


def _paper_reference(source: str) -> str:
    paper = PAPERS.get(source)
    if paper is None:
        return source
    names = [_initials(name) for name in paper.authors]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, & {names[-1]}"
    return f"{who} ({paper.year}). {paper.title}. {paper.venue + '. ' if paper.venue else ''}{source}"


def _initials(name: str) -> str:
    family, given = name.split(", ")
    return f"{family}, {' '.join(part[0] + '.' for part in re.split('[ -]', given))}"


def _model(result: Result) -> tuple[str, str, str]:
    """(name, address, revision) of the model; bundled and local ones have no address."""
    name = str(result.notes.get("model") or result.spec.model)
    hub = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII) and not name.startswith("bundled/")
    revision = str(result.notes.get("revision") or result.spec.revision)
    return name, f"https://huggingface.co/{name}" if hub else "", revision


def _at(revision: str) -> str:
    return f"Revision {revision}" if revision else ""


def _plain_url(address: str) -> str:
    return re.sub(r"[?#].*", "", address)


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text.encode("ascii", "ignore").decode()).strip("-").lower() or "model"


def _entry(kind: str, key: str, facts: dict[str, str]) -> str:
    lines = [f"  {name} = {{{text}}}," for name, text in facts.items() if name and text]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
