"""The verification modes: how a prediction is carried out and how its certificate comes about."""
