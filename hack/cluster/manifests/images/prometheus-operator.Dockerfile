FROM scratch
COPY operator prometheus-config-reloader /bin/
USER 65534:65534
ENTRYPOINT ["/bin/operator"]
