"""Fixed colours: a lineage looks the same in every picture of every cohort."""

# Okabe & Ito's colour-blind-safe palette (jfly.uni-koeln.de/color), darkened where it was too pale for white paper.
PALETTE = ["#c8540a", "#1f6fb2", "#00856a", "#9c4c87", "#b8860b", "#56a3d9", "#66727d", "#7a5c3e"]
LOW, HIGH = "#1f6fb2", "#c8540a"
GREY, UNCALLED = "#a3adb5", "#66727d"
# Shades of a scale in a PNG: an odd number has a middle, and few of them make the file a third as large.
LEVELS = 21

# The palette has fewer colours than there are lineages: erythroid is its yellow, progenitor and other are none of it.
LINEAGES = {
    "epithelial": "#c8540a",
    "melanocytic": "#1d252c",
    "glial": "#1f6fb2",
    "fibroblast": "#00856a",
    "endothelial": "#9c4c87",
    "myeloid": "#b8860b",
    "lymphoid": "#56a3d9",
    "erythroid": "#f0e442",
    "progenitor": "#7a5c3e",
    "other": "#e3a6c5",
    "unknown": GREY,
}
# In the order of the bars, from below; the last part is what could not be given to a compartment.
COMPOSITION = {
    "tumour": "#c8540a",
    **{name: LINEAGES[name] for name in ("fibroblast", "endothelial", "myeloid", "lymphoid")},
    "other microenvironment": "#1f6fb2",
}
KEPT, REMOVED = "#1f6fb2", "#b9c2ca"
COMPARTMENTS = {
    "tumour": "#c8540a",
    "microenvironment": "#1f6fb2",
    **{name: LINEAGES[name] for name in ("fibroblast", "endothelial", "myeloid", "lymphoid")},
    "bulk": "#66727d",
}
