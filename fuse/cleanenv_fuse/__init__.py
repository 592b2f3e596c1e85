"""The live bin directory: what is in it (tree), and how the kernel is told (filesystem, binding)."""
