FROM scratch
COPY keda keda-adapter /
USER 65532:65532
