# The operator's image: one binary on a base with glibc, CA certificates and no shell. `make image` builds it.
#
# BASE is what `make image` makes of Debian's packages, or any image of that kind, such as distroless "cc-debian12". The
# binary comes from `make release`, on a system whose glibc is no newer than that of BASE, which is 2.36 at least.
ARG BASE
FROM ${BASE}

ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="transfer-operator" \
      org.opencontainers.image.description="Kubernetes operator for AWS Transfer Family" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY LICENSE transfer-operator /

# One heap for all threads: each of several keeps what it once held, a seventh of all memory at 1,000 users.
ENV MALLOC_ARENA_MAX=1

# By number: runAsNonRoot cannot tell who a name is.
USER 65532:65532
ENTRYPOINT ["/transfer-operator"]
