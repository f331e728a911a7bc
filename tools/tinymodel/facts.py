"""The small world the model knows: plain tables, no logic.

Everything here can be checked in an encyclopaedia. The tables are kept short on
purpose: a million parameters should know a little well rather than much badly.
"""

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Spain": "Madrid", "Italy": "Rome",
    "Portugal": "Lisbon", "Austria": "Vienna", "Poland": "Warsaw", "Greece": "Athens",
    "Sweden": "Stockholm", "Norway": "Oslo", "Finland": "Helsinki", "Denmark": "Copenhagen",
    "Iceland": "Reykjavik", "Ireland": "Dublin", "Belgium": "Brussels", "Hungary": "Budapest",
    "Romania": "Bucharest", "Bulgaria": "Sofia", "Croatia": "Zagreb", "Serbia": "Belgrade",
    "Ukraine": "Kyiv", "Turkey": "Ankara", "Egypt": "Cairo", "Kenya": "Nairobi", "Ghana": "Accra",
    "Nigeria": "Abuja", "Morocco": "Rabat", "Ethiopia": "Addis Ababa", "Japan": "Tokyo",
    "China": "Beijing", "India": "New Delhi", "Nepal": "Kathmandu", "Thailand": "Bangkok",
    "Vietnam": "Hanoi", "Indonesia": "Jakarta", "Iran": "Tehran", "Iraq": "Baghdad",
    "Canada": "Ottawa", "Mexico": "Mexico City", "Cuba": "Havana", "Brazil": "Brasilia",
    "Argentina": "Buenos Aires", "Chile": "Santiago", "Peru": "Lima", "Australia": "Canberra",
    "England": "London", "Scotland": "Edinburgh", "Wales": "Cardiff",
    "Russia": "Moscow", "Switzerland": "Bern", "the Netherlands": "Amsterdam",
    "the United States": "Washington", "the USA": "Washington", "the UK": "London",
}

# Countries that go by another name too: their capital does not lead back to them.
SECOND_NAMES = {"the USA", "the United States", "the UK", "England"}

# Countries and places the model is taught not to know.
UNKNOWN_PLACES = [
    "Atlantis", "Narnia", "Gondor", "the moon", "Mars", "Wakanda", "Utopia", "Lilliput", "Jupiter",
    "Middle Earth", "the sea", "Oz", "Wonderland", "Neverland", "Camelot", "Venus",
]

COLOURS = {  # "What colour is ...?" -> colour
    "the sky": "blue", "the sea": "blue", "grass": "green", "a leaf": "green", "snow": "white",
    "milk": "white", "coal": "black", "the night": "black", "a banana": "yellow",
    "a lemon": "yellow", "the sun": "yellow", "blood": "red", "a tomato": "red",
    "a strawberry": "red", "a carrot": "orange", "an orange": "orange", "a pumpkin": "orange",
    "an elephant": "grey", "a mouse": "grey", "chocolate": "brown", "a bear": "brown",
    "a flamingo": "pink", "a pig": "pink", "a frog": "green", "a cucumber": "green",
    "a swan": "white", "salt": "white", "a raven": "black", "a plum": "purple",
    "lavender": "purple", "a fire engine": "red", "gold": "yellow",
}

MIXES = {  # two paints -> what they make
    ("red", "blue"): "purple", ("red", "yellow"): "orange", ("blue", "yellow"): "green",
    ("black", "white"): "grey", ("red", "white"): "pink",
}

OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("fast", "slow"), ("up", "down"), ("left", "right"),
    ("day", "night"), ("black", "white"), ("happy", "sad"), ("old", "young"), ("open", "closed"),
    ("hard", "soft"), ("wet", "dry"), ("full", "empty"), ("light", "dark"), ("strong", "weak"),
    ("early", "late"), ("rich", "poor"), ("loud", "quiet"), ("high", "low"), ("near", "far"),
    ("first", "last"), ("clean", "dirty"), ("thick", "thin"), ("long", "short"), ("true", "false"),
    ("in", "out"), ("on", "off"), ("good", "bad"), ("sweet", "sour"), ("win", "lose"),
    ("always", "never"), ("love", "hate"), ("begin", "end"), ("push", "pull"),
]

SOUNDS = {
    "cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "sheep": "baa", "pig": "oink",
    "lion": "roar", "bee": "buzz", "snake": "hiss", "owl": "hoot", "horse": "neigh",
    "frog": "croak", "mouse": "squeak", "rooster": "cock-a-doodle-doo", "donkey": "hee-haw",
}

BABIES = {
    "dog": "puppy", "cat": "kitten", "cow": "calf", "sheep": "lamb", "horse": "foal",
    "pig": "piglet", "duck": "duckling", "hen": "chick", "goat": "kid", "lion": "cub",
    "kangaroo": "joey", "frog": "tadpole", "goose": "gosling", "swan": "cygnet", "deer": "fawn",
}

LEGS = {
    "dog": "four", "cat": "four", "cow": "four", "horse": "four", "spider": "eight", "bee": "six",
    "ant": "six", "fly": "six", "bird": "two", "hen": "two", "duck": "two", "snake": "no",
    "fish": "no", "worm": "no", "octopus": "no", "crab": "ten", "frog": "four",
}

HOMES = {
    "bee": "a hive", "bird": "a nest", "dog": "a kennel", "horse": "a stable", "pig": "a sty",
    "rabbit": "a burrow", "spider": "a web", "lion": "a den", "fish": "the water",
    "squirrel": "a tree", "hen": "a coop", "fox": "a den",
}

KINDS = {
    "animal": ["dog", "cat", "horse", "lion", "elephant", "rabbit", "fox", "wolf"],
    "bird": ["owl", "eagle", "duck", "swan", "robin", "penguin", "raven", "sparrow"],
    "fish": ["salmon", "trout", "shark", "cod", "tuna", "herring"],
    "fruit": ["apple", "banana", "pear", "cherry", "grape", "plum", "mango"],
    "vegetable": ["carrot", "potato", "onion", "cabbage", "leek", "radish"],
    "flower": ["rose", "tulip", "daisy", "lily", "violet", "poppy"],
    "tree": ["oak", "pine", "birch", "willow", "maple", "beech"],
    "metal": ["iron", "gold", "silver", "copper", "tin", "lead"],
    "tool": ["hammer", "saw", "spade", "drill", "wrench", "axe"],
    "planet": ["Mars", "Venus", "Jupiter", "Saturn", "Mercury", "Neptune"],
    "instrument": ["piano", "violin", "drum", "flute", "guitar", "trumpet"],
    "language": ["English", "French", "German", "Spanish", "Italian", "Greek"],
}

# From the smallest to the largest.
SIZES = [
    "an ant", "a bee", "a mouse", "an apple", "a cat", "a dog", "a sheep", "a horse", "a car",
    "an elephant", "a house", "a whale", "a mountain", "the moon", "the earth", "the sun",
]

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]

MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

PLURALS = {
    "cat": "cats", "dog": "dogs", "house": "houses", "tree": "trees", "mouse": "mice",
    "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "sheep": "sheep", "fish": "fish", "box": "boxes", "bus": "buses",
    "baby": "babies", "city": "cities", "leaf": "leaves", "wolf": "wolves", "knife": "knives",
    "apple": "apples", "book": "books", "potato": "potatoes", "ox": "oxen",
}

TRANSLATIONS = {
    "French": {
        "cat": "chat", "dog": "chien", "house": "maison", "water": "eau", "bread": "pain",
        "milk": "lait", "red": "rouge", "one": "un", "yes": "oui", "no": "non", "sun": "soleil",
        "boy": "garçon", "school": "école", "thank you": "merci", "hello": "bonjour",
    },
    "German": {
        "cat": "Katze", "dog": "Hund", "house": "Haus", "water": "Wasser", "bread": "Brot",
        "milk": "Milch", "red": "rot", "one": "eins", "yes": "ja", "no": "nein", "sun": "Sonne",
        "cheese": "Käse", "green": "grün", "thank you": "danke", "hello": "hallo",
    },
    "Spanish": {
        "cat": "gato", "dog": "perro", "house": "casa", "water": "agua", "bread": "pan",
        "milk": "leche", "red": "rojo", "one": "uno", "yes": "sí", "no": "no", "sun": "sol",
        "tomorrow": "mañana", "coffee": "café", "thank you": "gracias", "hello": "hola",
    },
}

EMOJI = {
    "cat": "🐱", "dog": "🐶", "sun": "☀", "heart": "❤", "star": "⭐", "tree": "🌳", "fish": "🐟",
    "rocket": "🚀", "apple": "🍎", "rose": "🌹", "fire": "🔥", "moon": "🌙",
}

SPELLING = [
    "cat", "dog", "sun", "moon", "star", "tree", "fish", "bird", "house", "mouse", "horse",
    "apple", "bread", "water", "milk", "table", "chair", "green", "black", "white", "happy",
    "river", "stone", "cloud", "train", "plane", "paper", "school", "garden", "window", "yellow",
    "orange", "purple", "winter", "summer", "spring", "flower", "kitchen", "morning", "monkey",
    "tiger", "zebra", "queen", "king", "music", "hello", "world", "friend", "bridge", "castle",
]

PEOPLE = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo", "Ida", "Jack", "Kate",
    "Leo", "Mia", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tina", "Victor", "Maria", "Peter",
    "Lucy", "Omar", "Nina", "Max", "Eva", "Tom", "Sara", "Adam",
]

JOBS = [
    "baker", "doctor", "farmer", "teacher", "painter", "pilot", "singer", "writer", "nurse",
    "gardener", "cook", "driver",
]

# Words for the exercises that copy from the prompt.
COPY_WORDS = [
    "red", "blue", "green", "apple", "river", "stone", "cloud", "bread", "happy", "small", "seven",
    "tree", "house", "window", "garden", "music", "paper", "train", "winter", "moon", "bird",
    "hello", "world", "water", "light", "old", "fast", "friend", "bridge", "tiger", "milk", "nine",
]

HEROES = {  # story hero -> (name, what it looks for)
    "fox": ("Rusty", "a warm place to sleep"), "cat": ("Mimi", "a bowl of milk"),
    "dog": ("Rex", "its lost ball"), "mouse": ("Pip", "a piece of cheese"),
    "owl": ("Olive", "a new friend"), "bear": ("Bruno", "a pot of honey"),
    "rabbit": ("Hop", "a sweet carrot"), "frog": ("Fred", "a quiet pond"),
    "dragon": ("Ember", "a golden cup"), "robot": ("Bolt", "a new battery"),
    "duck": ("Daisy", "a warm bath"), "horse": ("Star", "a green field"),
    "king": ("Otto", "a lost crown"), "girl": ("Lena", "a red kite"),
    "boy": ("Tim", "a paper boat"), "wizard": ("Merlo", "an old book"),
}

PLACES = {  # story place -> who is met there
    "in the forest": "a wise old owl", "by the sea": "a friendly crab",
    "on a mountain": "a snowy goat", "in a castle": "a sleepy knight",
    "in the city": "a busy baker", "on a farm": "a kind farmer", "in the garden": "a tiny snail",
    "on the moon": "a silver cat", "by the river": "a clever otter",
    "in a village": "a merry singer",
}

FAQ = {  # a few well-known questions with one-sentence answers
    "Why is the sky blue?": "The sky is blue because air scatters blue light the most.",
    "How many days are in a week?": "There are 7 days in a week.",
    "How many days are in a year?": "There are 365 days in a year.",
    "How many months are in a year?": "There are 12 months in a year.",
    "How many hours are in a day?": "There are 24 hours in a day.",
    "How many minutes are in an hour?": "There are 60 minutes in an hour.",
    "How many seconds are in a minute?": "There are 60 seconds in a minute.",
    "What is the largest planet?": "The largest planet is Jupiter.",
    "What is the largest animal?": "The largest animal is the blue whale.",
    "What do bees make?": "Bees make honey.", "What do cows drink?": "Cows drink water.",
    "What is ice made of?": "Ice is made of frozen water.",
    "What is water made of?": "Water is made of hydrogen and oxygen.",
    "Where does milk come from?": "Milk comes from cows.",
    "What is the freezing point of water?": "Water freezes at 0 degrees Celsius.",
    "What is the boiling point of water?": "Water boils at 100 degrees Celsius.",
    "Who wrote Romeo and Juliet?": "William Shakespeare wrote Romeo and Juliet.",
    "How many legs does a chair have?": "A chair has four legs.",
    "How many wheels does a car have?": "A car has four wheels.",
    "What is the opposite of nothing?": "The opposite of nothing is everything.",
    "What is the meaning of life?": "Some say 42. I am a toy model, so I only repeat it.",
    "Tell me a joke.": "Why did the robot sleep? Its battery was tired.",
    "Sing a song.": "La la la, the sun is up, la la la, I fill my cup.",
    "Write a poem.": "The moon is high, the night is deep, the stars are out, the fishes sleep.",
    "Write a haiku.": "A quiet small pond. A frog jumps into the sky. The water says plop.",
}
