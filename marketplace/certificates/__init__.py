"""What was certified: immutable bytes by their digest."""
