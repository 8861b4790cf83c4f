"""The families, one a file, each ending in FAMILY = Family(...). A file here is a family: nothing else lists it."""
