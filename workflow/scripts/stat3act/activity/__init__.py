"""How active is STAT3 in a compartment, beyond its rivals and beyond chance?"""
