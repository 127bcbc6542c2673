"""The queues: their payloads, and the adapter to ARQ."""
