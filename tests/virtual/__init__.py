"""Far sides of real protocols: a virtual camera, made pictures."""
