"""The assets: one module a layer, thin bodies that take a window, call a pure function, write and return metadata."""
