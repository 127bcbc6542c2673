ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="ragpipeline-redis" \
      org.opencontainers.image.description="Debian's Redis behind the interface of the official image" \
      org.opencontainers.image.licenses="BSD-3-Clause"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=65532 --group=65532 /data
WORKDIR /data
USER 65532:65532
EXPOSE 6379
CMD ["redis-server"]
