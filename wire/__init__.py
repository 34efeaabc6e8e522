"""What nodes and workers say to each other: frames, TLS, mutual identity, messages."""
