"""llama.cpp's own HTTP server out of a wheel, with the flags of its official image."""
