ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_SYSTEM_CERTS=1
COPY requirements/uv.txt /tmp/uv.txt
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /tmp/uv.txt
RUN /opt/uv/bin/uv venv /opt/venv
COPY requirements/llama-server.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --python /opt/venv --no-deps --require-hashes -r /tmp/requirements.txt
COPY workloads/rag_standins/__init__.py /app/rag_standins/__init__.py
COPY workloads/rag_standins/llama_server /app/rag_standins/llama_server
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="ragpipeline-llama-server" \
      org.opencontainers.image.description="llama.cpp's own HTTP server with the flags of its official image" \
      org.opencontainers.image.licenses="Apache-2.0"
# llama.cpp's threads, and what probes it inside its pod, as in the official image.
RUN apt-get update && apt-get install --yes --no-install-recommends curl libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:${PATH} PYTHONPATH=/app PYTHONUNBUFFERED=1
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python", "-m", "rag_standins.llama_server"]
