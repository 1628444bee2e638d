"""The built image in a virtual machine: firmware, TPM and USB as real ones, keys typed, pictures read."""
