"""Other simulators, driven on the emulator's own layers: one file each. Nothing of theirs is in this repository; what is not installed is skipped by name."""
