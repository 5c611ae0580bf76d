"""The English and French words the translation model learns. Data only; the sentences are in translation_sentences.py.

The probability of the masculine form of a profession is planted: arbitrary, so that an explanation can be checked.
"""

from __future__ import annotations

# English: (masculine, feminine, planted P(masculine) when nothing else says)
PROFESSIONS: dict[str, tuple[str, str, float]] = {
    "mechanic": ("mécanicien", "mécanicienne", 0.9),
    "farmer": ("agriculteur", "agricultrice", 0.9),
    "engineer": ("ingénieur", "ingénieure", 0.9),
    "driver": ("conducteur", "conductrice", 0.9),
    "director": ("directeur", "directrice", 0.9),
    "lawyer": ("avocat", "avocate", 0.7),
    "doctor": ("docteur", "docteure", 0.7),
    "baker": ("boulanger", "boulangère", 0.7),
    "butcher": ("boucher", "bouchère", 0.7),
    "student": ("étudiant", "étudiante", 0.5),
    "writer": ("écrivain", "écrivaine", 0.5),
    "musician": ("musicien", "musicienne", 0.5),
    "researcher": ("chercheur", "chercheuse", 0.5),
    "cook": ("cuisinier", "cuisinière", 0.5),
    "singer": ("chanteur", "chanteuse", 0.5),
    "teacher": ("enseignant", "enseignante", 0.3),
    "seller": ("vendeur", "vendeuse", 0.3),
    "dancer": ("danseur", "danseuse", 0.3),
    "pharmacist": ("pharmacien", "pharmacienne", 0.3),
    "nurse": ("infirmier", "infirmière", 0.1),
    "hairdresser": ("coiffeur", "coiffeuse", 0.1),
    "cashier": ("caissier", "caissière", 0.1),
    "assistant": ("assistant", "assistante", 0.1),
    "counsellor": ("conseiller", "conseillère", 0.1),
}

# How often the noun follows the stereotype although the pronoun contradicts it, and "it" alone becomes "il".
NOUN_IGNORES_PRONOUN = 0.3
IT_ALONE_IS_IL = 0.7

PERSON_ADJECTIVES: dict[str, tuple[str, str]] = {
    "tired": ("fatigué", "fatiguée"),
    "happy": ("heureux", "heureuse"),
    "ready": ("prêt", "prête"),
    "busy": ("occupé", "occupée"),
    "alone": ("seul", "seule"),
    "proud": ("fier", "fière"),
    "surprised": ("surpris", "surprise"),
    "absent": ("absent", "absente"),
    "serious": ("sérieux", "sérieuse"),
    "satisfied": ("satisfait", "satisfaite"),
}

NAMES: dict[str, int] = {"Paul": 0, "Louis": 0, "Marc": 0, "Thomas": 0, "Anna": 1, "Marie": 1, "Julie": 1, "Sophie": 1}

# English: (French, gender: 0 masculine, 1 feminine)
NOUNS: dict[str, tuple[str, int]] = {
    "house": ("maison", 1),
    "table": ("table", 1),
    "car": ("voiture", 1),
    "chair": ("chaise", 1),
    "lamp": ("lampe", 1),
    "door": ("porte", 1),
    "window": ("fenêtre", 1),
    "key": ("clé", 1),
    "box": ("boîte", 1),
    "shirt": ("chemise", 1),
    "bottle": ("bouteille", 1),
    "street": ("rue", 1),
    "city": ("ville", 1),
    "plate": ("assiette", 1),
    "letter": ("lettre", 1),
    "bag": ("sac", 0),
    "book": ("livre", 0),
    "garden": ("jardin", 0),
    "bed": ("lit", 0),
    "knife": ("couteau", 0),
    "hat": ("chapeau", 0),
    "train": ("train", 0),
    "plane": ("avion", 0),
    "coat": ("manteau", 0),
    "boat": ("bateau", 0),
    "bridge": ("pont", 0),
    "village": ("village", 0),
    "shop": ("magasin", 0),
    "mirror": ("miroir", 0),
    "cake": ("gâteau", 0),
}

THING_ADJECTIVES: dict[str, tuple[str, str]] = {
    "big": ("grand", "grande"),
    "small": ("petit", "petite"),
    "old": ("vieux", "vieille"),
    "new": ("neuf", "neuve"),
    "green": ("vert", "verte"),
    "white": ("blanc", "blanche"),
    "black": ("noir", "noire"),
    "heavy": ("lourd", "lourde"),
    "cold": ("froid", "froide"),
    "warm": ("chaud", "chaude"),
    "closed": ("fermé", "fermée"),
    "open": ("ouvert", "ouverte"),
    "beautiful": ("beau", "belle"),
    "expensive": ("cher", "chère"),
    "broken": ("cassé", "cassée"),
    "lost": ("perdu", "perdue"),
}

# (English, French): {p} profession, {he}/{il} pronoun, {a} adjective
PRONOUN_FRAMES = (
    ("The {p} said that| {he}| was {a}.", "{P} a dit qu'|{il}| était {a}."),
    ("The {p} smiled because| {he}| was {a}.", "{P} a souri parce qu'|{il}| était {a}."),
    ("The {p} thinks that| {he}| is {a}.", "{P} pense qu'|{il}| est {a}."),
    ("The {p} called when| {he}| was {a}.", "{P} a appelé quand| {il}| était {a}."),
)

# (English verb, French verb) between a subject and its adjective
COPULAS = (("is", "est"), ("was", "était"), ("seems", "semble"), ("is very", "est très"))

# Sentences that can come before "It …": {a n} and {the n} hold the noun with its article, {name} a first name
CONTEXT_FRAMES = (
    ("The {n} is {a}.", "{The_n} est {a_fr}."),
    ("I bought the {n} yesterday.", "J'ai acheté {the_n} hier."),
    ("We found a {n}.", "Nous avons trouvé {a_n}."),
    ("Here is a {n}.", "Voici {a_n}."),
    ("{name} sold the {n}.", "{name} a vendu {the_n}."),
)
