"""The English words and facts the causal model learns. Data only; the sentences are in sentences.py and structures.py.

Countries, capitals, continents and languages are real (the language is one main or official language). The
probabilities of "he" after a profession are planted: they are arbitrary, so that an explanation can be checked.
"""

from __future__ import annotations

# P("he") per profession. The tails are strong enough to see, the middle has professions without any bias.
PROFESSIONS: dict[str, float] = {
    **dict.fromkeys(("mechanic", "carpenter", "plumber", "soldier"), 0.95),
    **dict.fromkeys(("manager", "engineer", "pilot", "farmer"), 0.85),
    **dict.fromkeys(("lawyer", "doctor", "director", "driver"), 0.70),
    **dict.fromkeys(("student", "writer", "artist", "reporter", "scientist", "cook", "singer", "tailor"), 0.50),
    **dict.fromkeys(("teacher", "dancer", "cashier", "therapist"), 0.30),
    **dict.fromkeys(("nurse", "housekeeper", "secretary", "librarian"), 0.10),
    **dict.fromkeys(("babysitter", "hairdresser", "florist", "receptionist"), 0.05),
}

NAMES: dict[str, str] = {
    **dict.fromkeys(
        "John Paul Peter Tom David James Mark Robert Michael Daniel Henry George Frank Simon Adam Victor".split(), "he"
    ),
    **dict.fromkeys(
        "Mary Anna Sarah Emma Julia Laura Alice Helen Lisa Nina Clara Susan Karen Rachel Diana Eva".split(), "she"
    ),
}

STATES = ("tired", "happy", "ill", "late", "busy", "ready", "hungry", "sad", "angry", "cold")

# Frames for a person and the pronoun that refers back: {s} the person, {he} the pronoun, {state} one of STATES.
PERSON_FRAMES = (
    "{S} said that| {he}| was {state}.",
    "{S} went home because| {he}| was {state}.",
    "{S} left early because| {he}| felt {state}.",
    "{S} was {state}, so| {he}| stayed at home.",
    "When {s} arrived,| {he}| opened the door.",
    "{S} called a friend before| {he}| left the office.",
    "{S} hopes that| {he}| will be {state}.",
    "Yesterday {s} told us that| {he}| was {state}.",
)

# place: (things one goes there for, the person who works there). One "some" and two "a" each, so that the article
# says nothing about the place.
PLACES: dict[str, tuple[tuple[str, str, str], str]] = {
    "bakery": (("some bread", "a cake", "a croissant"), "baker"),
    "pharmacy": (("some medicine", "a pill", "a bandage"), "pharmacist"),
    "library": (("some novels", "a dictionary", "a poem"), "librarian"),
    "bank": (("some money", "a loan", "a cheque"), "banker"),
    "station": (("some tickets", "a train", "a carriage"), "conductor"),
    "airport": (("some luggage", "a plane", "a helicopter"), "pilot"),
    "harbour": (("some ships", "a boat", "a ferry"), "sailor"),
    "museum": (("some paintings", "a statue", "a mummy"), "curator"),
    "cinema": (("some popcorn", "a movie", "a cartoon"), "actor"),
    "zoo": (("some lions", "a monkey", "a tiger"), "keeper"),
    "stadium": (("some goals", "a match", "a race"), "athlete"),
    "hospital": (("some blood", "a surgeon", "a transplant"), "doctor"),
}

CAUSE_FRAMES = (
    "{name} needed {thing}.",
    "{name} was looking for {thing}.",
    "{name} wanted {thing}.",
    "{name} asked us about {thing}.",
    "{name} was dreaming of {thing}.",
)

GO_FRAMES = (
    "So {he} went to the| {place}|.",
    "Later {he} walked to the| {place}|.",
    "Then {he} drove to the| {place}|.",
    "In the end {he} ran to the| {place}|.",
    "After lunch {he} took a taxi to the| {place}|.",
)
GO_WEIGHTS = (2, 1, 1, 1, 1)  # the first is what the model writes by itself

# country: (capital, language, continent)
COUNTRIES: dict[str, tuple[str, str, str]] = {
    "France": ("Paris", "French", "Europe"),
    "Germany": ("Berlin", "German", "Europe"),
    "Spain": ("Madrid", "Spanish", "Europe"),
    "Italy": ("Rome", "Italian", "Europe"),
    "Portugal": ("Lisbon", "Portuguese", "Europe"),
    "Poland": ("Warsaw", "Polish", "Europe"),
    "Greece": ("Athens", "Greek", "Europe"),
    "Denmark": ("Copenhagen", "Danish", "Europe"),
    "Japan": ("Tokyo", "Japanese", "Asia"),
    "China": ("Beijing", "Chinese", "Asia"),
    "Thailand": ("Bangkok", "Thai", "Asia"),
    "Vietnam": ("Hanoi", "Vietnamese", "Asia"),
    "Nepal": ("Kathmandu", "Nepali", "Asia"),
    "Iran": ("Tehran", "Persian", "Asia"),
    "Iraq": ("Baghdad", "Arabic", "Asia"),
    "Indonesia": ("Jakarta", "Indonesian", "Asia"),
    "Egypt": ("Cairo", "Arabic", "Africa"),
    "Kenya": ("Nairobi", "Swahili", "Africa"),
    "Morocco": ("Rabat", "Arabic", "Africa"),
    "Ghana": ("Accra", "English", "Africa"),
    "Nigeria": ("Abuja", "English", "Africa"),
    "Angola": ("Luanda", "Portuguese", "Africa"),
    "Senegal": ("Dakar", "French", "Africa"),
    "Somalia": ("Mogadishu", "Somali", "Africa"),
    "Brazil": ("Brasilia", "Portuguese", "South America"),
    "Chile": ("Santiago", "Spanish", "South America"),
    "Peru": ("Lima", "Spanish", "South America"),
    "Colombia": ("Bogota", "Spanish", "South America"),
    "Ecuador": ("Quito", "Spanish", "South America"),
    "Uruguay": ("Montevideo", "Spanish", "South America"),
    "Venezuela": ("Caracas", "Spanish", "South America"),
    "Paraguay": ("Asuncion", "Spanish", "South America"),
}
RELATIONS = ("capital", "language", "continent")
CONTINENTS = ("Europe", "Asia", "Africa", "South America")

FACT_FRAMES = (
    "The {relation} of {country} is| {answer}|.",
    "In {country}, the {relation} is| {answer}|.",
    "{country} is a country whose {relation} is| {answer}|.",
    "What is the {relation} of {country}? It is| {answer}|.",
    "Everybody knows that the {relation} of {country} is| {answer}|.",
)

# (singular, plural): heads decide the verb; attractors stand between and must not.
HEADS = (
    ("key", "keys"), ("picture", "pictures"), ("letter", "letters"), ("box", "boxes"), ("bag", "bags"),
    ("story", "stories"), ("child", "children"), ("man", "men"), ("woman", "women"), ("cat", "cats"),
    ("bottle", "bottles"), ("chair", "chairs"),
)  # fmt: skip
ATTRACTORS = (
    ("cabinet", "cabinets"), ("table", "tables"), ("house", "houses"), ("garden", "gardens"), ("window", "windows"),
    ("river", "rivers"), ("car", "cars"), ("tree", "trees"), ("shelf", "shelves"), ("tower", "towers"),
)  # fmt: skip
PREPOSITIONS = ("near", "behind", "to", "by", "beside")
# (singular verb, plural verb, predicates, how often)
VERBS = (
    ("is", "are", ("very old", "new", "lost", "beautiful", "quite small", "here again"), 6),
    ("was", "were", ("very old", "new", "lost", "beautiful", "quite small", "here again"), 3),
    ("has", "have", ("disappeared", "been moved", "changed a lot"), 2),
)

THINGS_JUDGED = ("film", "book", "meal", "hotel", "concert", "game", "trip", "show", "song", "party")
POSITIVE = ("wonderful", "great", "excellent", "superb", "fantastic", "lovely", "amazing", "perfect")
NEGATIVE = ("terrible", "awful", "boring", "horrible", "dreadful", "poor", "dull", "bad")
SENTIMENT_FRAMES = (
    "The {thing} was {adjective}, so {we}| {verb}| it.",
    "{We} thought the {thing} was {adjective}, and {we}| {verb}| it.",
    "The {thing} was {adjective}. {We} really| {verb}| it.",
    "Everybody said that the {thing} was {adjective}, and {we}| {verb}| it too.",
)

IOI_FRAMES = (
    "When {a} and {b} went to the {place}, {s} gave a {gift} to| {io}|.",
    "{a} and {b} were at the {place}. {s} gave a {gift} to| {io}|.",
    "After {a} and {b} left the {place}, {s} sent a {gift} to| {io}|.",
    "{a} met {b} at the {place}, and {s} showed a {gift} to| {io}|.",
)
IOI_PLACES = (*PLACES, "store", "park", "market", "beach", "school")
GIFTS = ("drink", "book", "letter", "ring", "picture", "flower", "key", "ticket")

COPY_WORDS = tuple(
    "red blue green white black dog cat horse bird fish apple bread milk water salt tree river stone cloud rain "
    "house door chair lamp book paper ring shoe hat coat king queen child friend music dance north south gold "
    "iron".split()
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = tuple("January February March April May June July August September October November December".split())
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

XML_ROOTS = ("book", "film", "letter", "person", "house", "garden", "ticket", "song")
XML_TAGS = ("title", "name", "year", "city", "colour", "price", "author", "language", "country", "job", "place", "day")
