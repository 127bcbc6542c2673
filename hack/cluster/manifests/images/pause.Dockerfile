# The pod sandbox, and the volume helper: busybox's shell runs its own mkdir and rm.
FROM scratch
COPY pause /pause
COPY busybox /bin/sh
ENTRYPOINT ["/pause"]
