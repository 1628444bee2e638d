"""Sources: one contract for camera and card, and what each must survive."""
