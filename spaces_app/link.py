"""From a URL back to the spec in it, whatever a stranger may have typed; what writes links stands here too."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from spaces_app.errors import SpecError
from spaces_app.link_format import MAX_LINK, MAX_NOTES, encode, notes_of, to_link, valid_view
from spaces_app.spec import MAX_INT_DIGITS, Spec

__all__ = [
    "MAX_LINK",
    "MAX_NOTES",
    "decode",
    "encode",
    "made_digest",
    "notes_of",
    "pair_query",
    "parse_json",
    "parse_pair",
    "parse_query",
    "parse_url",
    "readable",
    "spec_from_dict",
    "to_link",
    "valid_view",
]

MAX_TOKEN = 4096  # characters; servers, proxies and chat clients cut longer lines
MAX_JSON = 32 * 1024  # bytes inflated
MAX_DEPTH = 6
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_TOKEN = re.compile(r"(?:(?<![^?#&])s=|\A)([A-Za-z0-9_-]{1,4096})(?=[&#]|\Z)", re.ASCII)
_STORED = re.compile(r"/(?:embed|figure|r)/([0-9a-f]{64})(?:\.[a-z]{3,4})?\Z", re.ASCII)


def pair_query(first: Spec, second: Spec, *, view: str = "") -> str:
    """`compare=…&with=…` of two questions, without "?": their tokens, or their digests where those are too long."""
    look = f"&view={view}" if valid_view(view) else ""
    whole = f"compare={encode(first)}&with={encode(second)}{look}"
    return whole if len(whole) < MAX_LINK else f"compare={first.digest()}&with={second.digest()}{look}"


def parse_pair(query: str) -> tuple[str, str, str] | None:
    """(first, second, view) of a `compare=…&with=…` query or fragment, None where it is another link.

    The two are bare tokens or digests, as `parse_url` takes them, and not looked into; one that is missing is "".
    """
    items = dict(parse_qsl(query[: 4 * MAX_TOKEN].lstrip("?#"), keep_blank_values=True)[:64])
    if "compare" not in items:
        return None
    view = items.get("view", "")
    return items["compare"], items.get("with", ""), view if valid_view(view) else ""


def decode(token: str) -> dict:
    """The canonical dict in a token. Raises SpecError, and nothing else, for whatever a stranger may have typed."""
    if len(token) > MAX_TOKEN or not _ALPHABET.match(token):
        raise SpecError("this link is damaged: it is cut off or holds characters that links do not have.")
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj(wbits=-15)
        raw = inflate.decompress(packed, MAX_JSON + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise SpecError("this link is damaged: it cannot be unpacked.") from None
    if len(raw) > MAX_JSON or inflate.unconsumed_tail:
        raise SpecError(f"this link unpacks to more than {MAX_JSON:,} bytes.")
    if not inflate.eof or inflate.unused_data:
        raise SpecError("this link is damaged: its end is missing or something follows it.")
    return parse_json(raw)


def parse_json(raw: bytes) -> dict:
    """A JSON object within bounds of depth and integer size, without NaN. Raises SpecError."""
    try:
        text = raw.decode("utf-8")
        if _depth(text) > MAX_DEPTH or re.search(rf"\d{{{MAX_INT_DIGITS + 1}}}", _outside_strings(text)):
            raise SpecError("this link holds values out of bounds.")
        data = json.loads(text, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise SpecError("this link is damaged: its content is not JSON.") from None
    if not isinstance(data, dict):
        raise SpecError("this link is damaged: its content is not an object.")
    return data


def spec_from_dict(data: Mapping, kinds: Mapping[str, type[Spec]]) -> Spec:
    """The spec of a canonical dict, of whichever kind it names. Raises SpecError."""
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise SpecError(f"{kind!r:.60} is not an analysis.", hint=f"Known: {', '.join(kinds)}.")
    return kinds[kind].from_dict(data)


def parse_query(query: str, kinds: Mapping[str, type[Spec]]) -> tuple[Spec | None, str, str]:
    """(spec, digest, view) of a query string or fragment.

    `s=token` gives a spec; `id=digest` gives the name of a stored result; `analysis=…&prompt=…` is the readable
    form for links written by hand. Everything else in the query is left to others. (None, "", "") when there is no
    link in it. Raises SpecError for a link that is there and wrong.
    """
    if len(query) > 4 * MAX_TOKEN:
        raise SpecError(f"this address is longer than {4 * MAX_TOKEN:,} characters.")
    try:
        items = dict(parse_qsl(query.lstrip("?#"), keep_blank_values=True, max_num_fields=64))
    except ValueError:
        raise SpecError("this address has more than 64 parameters.") from None
    view = items.pop("view", "")
    view = view if valid_view(view) else ""
    if "s" in items:
        return spec_from_dict(decode(items["s"]), kinds), "", view
    if "id" in items:
        if not _DIGEST.match(items["id"]):
            raise SpecError("this short link is damaged: its id is not 64 hexadecimal digits.")
        return None, items["id"], view
    if "analysis" in items:
        kind = items.pop("analysis")
        if kind not in kinds:
            raise SpecError(f"{kind!r:.60} is not an analysis.", hint=f"Known: {', '.join(kinds)}.")
        own = {name: text for name, text in items.items() if not name.startswith("__")}
        return kinds[kind].from_text(own), "", view
    return None, "", ""


def parse_url(url: str, kinds: Mapping[str, type[Spec]]) -> tuple[Spec | None, str, str]:
    """(spec, digest, view) of a whole address of any Seqscope, of its query or fragment alone, or of a bare token.

    Also understands the addresses of embedded figures and of files (`…/embed/id`, `…/figure/id.svg`, `…/r/id.json`).
    Raises SpecError for what is no link.
    """
    url = url.strip()
    if len(url) > 4 * MAX_TOKEN:
        raise SpecError(f"this address is longer than {4 * MAX_TOKEN:,} characters.")
    if _ALPHABET.match(url):
        return parse_query(f"id={url}" if _DIGEST.match(url) else f"s={url}", kinds)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SpecError("this is not an address.") from None
    stored = _STORED.search(parts.path)
    if stored:
        return None, stored[1], parse_query(parts.query, kinds)[2]
    for part in (parts.fragment, parts.query, url):
        spec, digest, view = parse_query(part, kinds)
        if spec is not None or digest:
            return spec, digest, view
    raise SpecError("there is no link to a figure in this address.", hint="It holds s=…, id=… or analysis=….")


def made_digest(address: str) -> str:
    """The digest under which whoever made this `s=` link stored its answer; "" when there is no such link in it.

    It differs from the spec's own digest when options have been added since: they are part of a digest. Never raises.
    """
    found = _TOKEN.search(address) if len(address) <= 4 * MAX_TOKEN else None
    try:
        data = decode(found[1]) if found else None
    except SpecError:
        data = None
    if data is None:
        return ""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def readable(spec: Spec) -> str:
    """`analysis=…&prompt=…` with the fields that differ from their defaults, for people to read and edit."""
    texts = {"analysis": spec.kind}
    for name, default, _ in spec.declared():
        value = spec.value(name)
        if value != default:
            texts[name] = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return urlencode(texts)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _outside_strings(text: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in _outside_strings(text):
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    return deepest
