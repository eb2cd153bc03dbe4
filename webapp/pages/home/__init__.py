"""The first page, for each portal role."""
