"""Prompts by whether what they describe is metal, written before the table that is held against them.

Not one word of the table was chosen for the second half of each list; it was read right in 55 of 60 before the rule of tiles of
metal was found, and in 56 since.
"""

METAL = (
    "polished brass door plate", "hammered copper sheet", "old iron grating", "stainless steel sink",
    "corrugated galvanized sheet", "diamond plate floor", "titanium", "gold leaf", "a wall of riveted steel",
    "anodized aluminium panel", "scratched chrome bumper", "seamless texture of bronze with green patina",
    "tarnished silver tray", "cast iron stove", "gold coins", "lead roof sheets", "pewter mug", "zinc roofing",
    "wrought iron fence", "chainmail armor", "tin can", "crumpled aluminum foil", "gunmetal panel",
    "sci-fi metal wall panels", "rusted steel beams", "polished platinum ring", "scrap metal", "steel wool",
    "metal ingots", "copper wire mesh", "brushed stainless steel, seamless", "corten steel facade", "silver foil",
    "nickel plated surface", "metal grate", "rose gold jewellery surface", "liquid mercury", "brass", "rusty iron gate",
    "perforated metal sheet", "Close-up of a tin roof", "a cobalt blue metallic panel",
    "riveted submarine hull of steel", "bronze statue surface", "shiny chrome pipes", "weathered copper roof with verdigris",
    "iron ingot", "dented metal bucket", "silver jewelry", "aircraft aluminium skin with rivets", "manhole cover, cast iron",
    "circuit of gold traces", "brushed metal", "rusty barrel metal", "galvanized steel siding", "hammered tin ceiling tiles",
    "brass gears", "blued steel blade", "spaceship hull metal panels with pipes", "expanded steel mesh", "copper pennies",
    "polished mirror", "metal tiles", "corroded iron pipe", "steel plates", "gold plated watch back", "damascus steel",
    "painted metal door", "titanium alloy", "anodised titanium", "metal roof shingles", "scratched brass",
)  # fmt: skip
NOT_METAL = (
    "silver fir needles", "golden wheat field", "copper red hair", "iron oxide soil", "bronze skin", "steel blue fabric",
    "lead grey clouds", "brass coloured silk", "chrome yellow paint", "gold velvet curtain", "silver grey gravel",
    "ironwood planks", "goldenrod flowers", "goldfish scales", "coppery autumn leaves", "red brick wall",
    "mossy cobblestone", "platinum blonde hair", "tinted glass", "wet asphalt", "marble with gold veins",
    "leather with brass studs", "wood with iron nails", "concrete with steel reinforcement", "silver lake ice",
    "rust coloured carpet", "bronze age pottery", "steel toe leather boots", "gold ore in quartz", "copper ore",
    "zinc white canvas", "ironing board cloth", "aluminium oxide ceramic", "titanium white plaster",
    "silver sand dunes", "rusty orange leaves", "mirror lake water", "a golden retriever's fur", "silverfish skin",
    "iron age stone wall", "chrome green tiles", "copper pod tree bark", "blue tiles", "knitted wool",
    "seamless texture of old oak planks", "a metallurgist's desk", "lead in the sky, green grass",
    "tin soldier's wooden box", "silver willow leaves", "gold fabric with embroidery", "golden sand", "copper beech hedge",
    "steel grey slate", "bronze coloured leather", "iron rich red clay", "silverweed flowers", "stone wall with iron ring",
    "black and gold marble", "brick wall with metal pipes", "metallic blue paint", "lead glass window",
    "chrome plated plastic", "gold fish pond water", "mirror polished granite", "rust red sandstone", "nickel ore",
    "iron ore rock", "chocolate wrapped in foil", "brass instrument case, black leather", "platinum white fur",
    "steel cut oats", "grass", "cracked dry earth", "tinfoil hat on a table", "golden brown bread crust",
    "copper wool carpet", "iron wood bark",
)  # fmt: skip
