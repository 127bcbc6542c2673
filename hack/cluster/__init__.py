"""A real single-node Kubernetes on one machine, built from pinned Go modules: no Docker, no image registry.

Every process lives in one network namespace that has no uplink, so no packet of the cluster can leave the
machine; relays on 127.0.0.1 lead in. Standard library only.
"""
