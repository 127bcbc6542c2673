"""Text recognition: what a picture of a page says. It stands alone, as only one image has what it imports."""
