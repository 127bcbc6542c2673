"""A pipeline as local processes: the same manifests as in a cluster, with no cluster and no root."""
