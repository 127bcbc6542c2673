"""The proof that nothing is lost: documents under faults, and what the three stores hold in the end.

`prove` runs it on a `Site`: local processes (`local_site`), or a cluster (`tests.e2e.cluster_site`).
"""
