"""People, places and things in the English worlds."""

from __future__ import annotations

FIRST_NAMES = (
    "Adele", "Ahmed", "Aisha", "Alma", "Amara", "Anders", "Andrei", "Anita", "Arjun", "Astrid", "Bashir", "Beatriz",
    "Bela", "Birgit", "Bruno", "Camila", "Carlo", "Cecile", "Chidi", "Clara", "Dagmar", "Daniela", "Darius", "Demba",
    "Diego", "Dora", "Edith", "Elias", "Elif", "Emeka", "Emil", "Esther", "Fatima", "Felix", "Fiona", "Frida",
    "Gabor", "Gemma", "Gita", "Goran", "Grace", "Hana", "Hassan", "Helga", "Henrik", "Hiro", "Ines", "Ingrid",
    "Irina", "Ivan", "Jamal", "Jana", "Joao", "Judith", "Kamal", "Karim", "Keiko", "Kofi", "Lars", "Leila", "Lena",
    "Lucia", "Magda", "Malik", "Marcel", "Marta", "Mei", "Milan", "Mina", "Nadia", "Naomi", "Nils", "Noor", "Olga",
    "Omar", "Oscar", "Paula", "Pedro", "Petra", "Priya", "Rafael", "Rania", "Ravi", "Rosa", "Ruth", "Samir", "Sanna",
    "Selma", "Sofia", "Stefan", "Tariq", "Teresa", "Tomas", "Ulla", "Usha", "Viktor", "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abebe", "Adeyemi", "Almeida", "Andersson", "Baptiste", "Becker", "Bergman", "Bianchi", "Castillo", "Chaudhry",
    "Cohen", "Costa", "Dahl", "Delgado", "Diallo", "Dubois", "Eriksen", "Farah", "Fischer", "Fontaine", "Garcia",
    "Goldberg", "Greco", "Haddad", "Hansen", "Hoffmann", "Ibrahim", "Ivanova", "Jansen", "Jensen", "Kaplan", "Kimura",
    "Kowalski", "Lang", "Lindgren", "Lopez", "Marino", "Mensah", "Moreau", "Nakamura", "Ndiaye", "Novak", "Okafor",
    "Olsen", "Osei", "Pereira", "Petrov", "Rahman", "Ramos", "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Singh",
    "Tanaka", "Vargas", "Weber", "Yilmaz", "Zimmermann",
)  # fmt: skip
TOWNS = (
    "Aarhus", "Accra", "Antwerp", "Arequipa", "Basel", "Bergen", "Bilbao", "Bologna", "Braga", "Brno", "Bruges",
    "Cadiz", "Cardiff", "Cluj", "Cork", "Dakar", "Dresden", "Dundee", "Esbjerg", "Galway", "Gdansk", "Ghent",
    "Girona", "Graz", "Halifax", "Hobart", "Innsbruck", "Izmir", "Kigali", "Kobe", "Leeds", "Leiden", "Lille",
    "Linz", "Lund", "Malmo", "Mendoza", "Nantes", "Napier", "Odense", "Oulu", "Padua", "Perth", "Porto", "Quebec",
    "Riga", "Rosario", "Rouen", "Salerno", "Sapporo", "Seville", "Split", "Tartu", "Trieste", "Tromso", "Turku",
    "Utrecht", "Valdivia", "Windhoek", "York",
)  # fmt: skip
THINGS = (
    "acorns", "apples", "badges", "balloons", "bananas", "baskets", "beads", "bells", "biscuits", "blankets", "books",
    "bottles", "bowls", "boxes", "bricks", "brushes", "buckets", "buns", "buttons", "candles", "cards", "carrots",
    "chairs", "cherries", "chestnuts", "coins", "cookies", "corks", "crayons", "cups", "cushions", "dolls",
    "eggs", "envelopes", "feathers", "figs", "flags", "flowerpots", "forks", "gloves", "hats", "jars", "keys",
    "kites", "lamps", "leaflets", "lemons", "magnets", "maps", "marbles", "masks", "medals", "melons", "mugs",
    "muffins", "mushrooms", "nails", "napkins", "notebooks", "nuts", "olives", "onions", "oranges", "pancakes",
    "paintings", "peaches", "pears", "pebbles", "pencils", "pens", "photos", "pillows", "pins", "plates", "plums",
    "postcards", "posters", "potatoes", "pumpkins", "puzzles", "ribbons", "rings", "rolls", "ropes", "scarves",
    "seeds", "shells", "shirts", "spoons", "stamps", "stickers", "stones", "tickets", "tiles", "tomatoes", "towels",
    "toys", "tulips", "vases", "walnuts",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
