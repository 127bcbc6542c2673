FROM scratch
COPY prometheus /bin/
USER 65534:65534
ENTRYPOINT ["/bin/prometheus"]
