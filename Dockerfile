# nnctl in an image: the versions of the lock, no compiler, no root, kernels compiled. `docker build -t nnctl .`
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/run.txt /source/requirements/
RUN python3 -m venv /opt/nnctl \
    && /opt/nnctl/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /source/requirements/run.txt
COPY pyproject.toml README.md LICENSE /source/
COPY nnctl /source/nnctl
# What installs is of no use in the image.
RUN /opt/nnctl/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index /source \
    && /opt/nnctl/bin/python -m pip uninstall --quiet --yes setuptools pip

FROM ${BASE}
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 nnctl \
    && install -d -o nnctl -g nnctl /var/cache/nnctl /work
COPY --from=build /opt/nnctl /opt/nnctl
ENV PATH=/opt/nnctl/bin:$PATH NNCTL_CACHE_DIR=/var/cache/nnctl
USER nnctl
# For the kind of CPU that builds the image; another kind compiles its own when they are first needed.
RUN nnctl warm --quiet
WORKDIR /work
ENTRYPOINT ["nnctl"]
CMD ["--help"]
