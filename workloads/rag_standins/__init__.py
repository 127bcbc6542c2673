"""What stands in for official images and downloads where none are reached; no part of the product."""
