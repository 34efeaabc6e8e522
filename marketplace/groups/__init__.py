"""Groups: several owners' models that answer together, from the first invitation to the genesis and beyond."""
