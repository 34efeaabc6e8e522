"""Agreement, as far as a check needs it: the group, the votes, the entry. The protocol itself is `consensus`."""
