# The image of a gateway: no compiler, no root, one process, its data on a volume.
#   docker build -t trunkline . && docker run -p 5173:5173 -v trunkline:/data -e OPENAI_API_KEY trunkline
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY trunkline ./trunkline
# EXTRAS: "local" adds the embedded model (its file is fetched below); leave it out for a smaller image.
ARG EXTRAS=local,postgres,bedrock,google,oidc
RUN python -m venv /opt/trunkline \
 && /opt/trunkline/bin/pip install --no-cache-dir ".[${EXTRAS}]" \
 && mkdir -p /models \
 && case ",${EXTRAS}," in *,local,*) /opt/trunkline/bin/trunkline models fetch --data / ;; esac

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data trunkline && mkdir /data && chown trunkline /data
# llama.cpp's prebuilt libraries want OpenMP's runtime.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/trunkline /opt/trunkline
COPY --from=build --chown=trunkline /models /models
ENV PATH=/opt/trunkline/bin:$PATH PYTHONUNBUFFERED=1 TRUNKLINE_LOCAL_MODEL=/models/SmolLM2-135M-Instruct.Q4_1.gguf
USER trunkline
WORKDIR /data
VOLUME /data
EXPOSE 5173
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5173/health/ready', timeout=2)"]
# Bound to every address inside the container: set [auth] mode = "keys" before the port is reachable by others.
CMD ["trunkline", "serve", "--host", "0.0.0.0", "--data", "/data"]
