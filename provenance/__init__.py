"""Who made which model from what: artefact state machines, transparency log, chain anchoring."""
