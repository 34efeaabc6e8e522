"""Training across strangers' machines, with cheats caught by recomputation."""
