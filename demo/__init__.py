"""What `make up` shows: four owners with different kinds of model of the same real data, trained on the spot."""
