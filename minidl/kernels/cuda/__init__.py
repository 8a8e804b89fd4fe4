"""The place of the twins for CuPy; until they are written, every op runs on the GPU through its definition."""
