"""The published npm client of Opik, unmodified, through a provider key's whole life.

It is installed once, beside the Python that runs the tests, from the npm registry; without node or the registry the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .served import serving

VERSION = "2.0.40"
FOLDER = Path(os.environ.get("TRUNKLINE_NPM") or Path(sys.prefix) / "npm-opik") / VERSION

SCRIPT = """
import assert from "node:assert";
import { Opik } from "opik";

const { api } = new Opik({ apiUrl: process.argv[2] + "/api", apiKey: "any", workspaceName: "default" });
const keys = api.llmProviderKey;
const made = await keys
  .storeLlmProviderApiKey({
    provider: "custom-llm", apiKey: "sk-plaintext-0123456789", name: "n", providerName: "vllm", headers: { a: "b" },
    configuration: { models: "custom-llm/vllm/m" }, baseUrl: "http://u/v1",
  })
  .withRawResponse();
const id = made.rawResponse.headers.get("location").split("/").pop();
const page = await keys.findLlmProviderKeys();
assert.equal(page.total, 1);
assert.deepEqual(page.sortableBy, []);
assert.equal(page.content[0].id, id);
const got = await keys.getLlmProviderApiKeyById(id);
assert.equal(got.apiKey, "sk-" + "*".repeat(17) + "789");
assert.deepEqual([got.providerName, got.baseUrl, got.headers], ["vllm", "http://u/v1", { a: "b" }]);
assert.deepEqual(got.configuration, { models: "custom-llm/vllm/m" });
assert.equal(got.readOnly, false);
await keys.updateLlmProviderApiKey(id, { body: undefined, apiKey: "n", baseUrl: "http://u2/v1" });
const after = await keys.getLlmProviderApiKeyById(id);
assert.deepEqual([after.apiKey, after.baseUrl], ["*", "http://u2/v1"]);
const twin = await keys
  .storeLlmProviderApiKey({ provider: "custom-llm", providerName: "vllm", baseUrl: "http://u" })
  .then(() => null, (error) => error);
assert.equal(twin.statusCode, 409);
assert.deepEqual(twin.body.errors, ["Api key for this provider already exists"]);
await keys.deleteLlmProviderApiKeysBatch({ ids: [id] });
const gone = await keys.getLlmProviderApiKeyById(id).then(() => null, (error) => error);
assert.equal(gone.statusCode, 404);
const bare = await keys.storeLlmProviderApiKey({ provider: "ollama", providerName: "o", baseUrl: "http://o:1" }).withRawResponse();
assert.equal((await keys.getLlmProviderApiKeyById(bare.rawResponse.headers.get("location").split("/").pop())).apiKey ?? null, null);
assert.equal((await api.ollama.testConnection({ baseUrl: "http://nobody" }).then(() => null, (error) => error)).statusCode, 502);
console.log("all of it held");
process.exit(0);
"""


@pytest.fixture(scope="module")
def client() -> Path:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm here; install them to run the npm client of Opik")
    if not FOLDER.exists():
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=FOLDER.parent))
        command = ["npm", "install", f"opik@{VERSION}", "--prefix", str(draft), "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not install opik@{VERSION} within a minute")
        if done.returncode != 0:
            shutil.rmtree(draft)
            pytest.skip(f"npm could not install opik@{VERSION}: {done.stderr.strip().splitlines()[-1:]}")
        try:
            draft.rename(FOLDER)
        except OSError:  # another worker was first
            shutil.rmtree(draft)
    return FOLDER


def test_the_opik_npm_clients_key_lifecycle(client: Path, tmp_path: Path) -> None:
    script = client / f"lifecycle-{os.getpid()}.mjs"
    script.write_text(SCRIPT)
    try:
        with serving(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as gateway:
            done = subprocess.run(["node", str(script), gateway.url], capture_output=True, text=True, timeout=60)
    finally:
        script.unlink()
    assert done.stdout.strip().endswith("all of it held"), done.stdout + done.stderr
