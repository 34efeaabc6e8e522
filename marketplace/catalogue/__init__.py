"""What is on offer: models, their versions, the nodes that serve them, and how a version gets to a node."""
