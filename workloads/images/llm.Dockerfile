ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_SYSTEM_CERTS=1
COPY requirements/uv.txt /tmp/uv.txt
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /tmp/uv.txt
RUN /opt/uv/bin/uv venv /opt/venv
COPY requirements/llm.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --python /opt/venv --no-deps --require-hashes -r /tmp/requirements.txt
COPY workloads/rag_contract /app/rag_contract
COPY workloads/rag_workloads/__init__.py workloads/rag_workloads/tasks.py workloads/rag_workloads/tracing.py /app/rag_workloads/
COPY workloads/rag_workloads/clients/__init__.py workloads/rag_workloads/clients/generation.py /app/rag_workloads/clients/
COPY workloads/rag_workloads/web /app/rag_workloads/web
COPY workloads/rag_workloads/llm /app/rag_workloads/llm
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="ragpipeline-llm" \
      org.opencontainers.image.description="The language model service of a RagPipeline, in front of an OpenAI-compatible server" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:${PATH} PYTHONPATH=/app PYTHONUNBUFFERED=1
WORKDIR /app
USER 65532:65532
EXPOSE 8004
CMD ["python", "-m", "rag_workloads.llm"]
