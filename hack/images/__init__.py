"""Builds each image under a tag that is the hash of what goes into it, so that none is built or moved twice.

Works with a Docker engine, or as root with buildah and no engine at all. Standard library only.
"""
