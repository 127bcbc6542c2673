"""The page in a real Chromium, before the pipeline of `make local`."""
