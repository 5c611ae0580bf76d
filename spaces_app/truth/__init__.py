"""The truth table: how often each method's top-ranked word is the one that decides, on models where that is known.

`python -m spaces_app truth --write` measures it and keeps it in bundled/truth.json; README's table is made from there.
"""
