"""Compose files as people write them: everything that keeps data is named, nothing is invented."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.app.beginning import check_text
from kedge.discovery.compose_file import NotCompose, project_sighting, read_compose
from kedge.discovery.composing import compose
from kedge.discovery.imports import Imported, read_import
from kedge.discovery.world import World

CLOUD = """\
x-common: &common
  restart: unless-stopped
  logging: {driver: json-file}
services:
  app:
    <<: *common
    image: docker.io/library/nextcloud:${TAG:-30}-apache
    depends_on: [db]
    environment:
      NEXTCLOUD_TRUSTED_DOMAINS: cloud.example.org
      MYSQL_PASSWORD: dont-tell
    volumes:
      - ./html:/var/www/html
      - data:/var/www/html/data:rw
      - /etc/localtime:/etc/localtime:ro
      - type: bind
        source: ${UPLOADS:?set it}
        target: /uploads
    ports: ["127.0.0.1:9000:80", "8443:443/tcp", "${PORT}:81"]
    labels:
      - traefik.http.routers.cloud.rule=Host(`files.example.org`, `cloud.example.org`)
  db:
    image: mariadb:11@sha256:0000000000000000000000000000000000000000000000000000000000000000
    environment: [MARIADB_DATABASE=cloud, MARIADB_ROOT_PASSWORD=dont-tell]
    volumes: ["db:/var/lib/mysql"]
    healthcheck: {test: [CMD, healthcheck.sh]}
  search:
    build: .
    tmpfs: /tmp
  index:
    image: opensearchproject/opensearch:2
volumes: {data: {}, db: !override {driver: local}, old: }
"""


def test_everything_in_a_project_is_named() -> None:
    project = read_compose(CLOUD, "/srv/cloud/compose.yaml")
    built = {one.name: one for one in project.services}
    assert {name: one.image for name, one in built.items()} == {
        "app": "docker.io/library/nextcloud:30-apache",
        "db": "mariadb:11",
        "search": "built here",
        "index": "opensearchproject/opensearch:2",
    }
    assert (built["app"].kind, built["db"].kind) == ("nextcloud", "mariadb")
    assert built["app"].mounts == ("./html", "data", "${UPLOADS:?set it}")
    assert built["app"].ports == (8443,)
    assert built["app"].names == ("files.example.org", "cloud.example.org")
    assert (built["db"].database, built["index"].database) == ("cloud", "all")
    assert project.volumes == ("data", "db", "old")
    assert project.name == "cloud"


def test_the_environment_beside_it_counts() -> None:
    project = read_compose(CLOUD, "/srv/cloud/compose.yaml", {"UPLOADS": "/srv/uploads", "PORT": "81"})
    assert "/srv/uploads" in project.services[0].mounts
    assert project.services[0].ports == (8443, 81)


def test_it_becomes_one_service_that_says_what_to_save() -> None:
    told = read_import("/srv/cloud/compose.yaml", CLOUD)
    text = compose("club", date(2026, 11, 22), World(), imports={"compose.yaml": told}).sketch.to_text()
    assert "dont-tell" not in text
    service = check_text(text).sections.services["cloud"]
    assert service.kind == "compose"
    assert sorted(part.name for part in service.parts()) == [
        "database-db", "project", "srv-cloud-html", "volume-data", "volume-old",
    ]  # fmt: skip
    assert getattr(service, "databases", {}) == {"db": "mariadb cloud", "index": "opensearchproject/opensearch all"}
    assert "nobody told what this is" in text
    assert "db: its databases are dumped, so its files are not saved" in text
    assert "index: kedge cannot dump opensearchproject/opensearch" in text


@pytest.mark.parametrize(
    "text", ["", "services: []", "services: {a: 1}", "a: [", "- 1", "services: {x: {ports: 1}}", "*a", "\0"]
)
def test_what_is_none_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotCompose):
        read_compose(text)


def test_references_without_end_are_refused() -> None:
    bomb = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else '1'}]" for n in range(300))
    with pytest.raises(NotCompose, match="too many references"):
        read_compose(bomb + "\nservices: {a: {image: b}}")


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["${A:-b}", "a:/b", "./x:/y:ro", "8080:80"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["image", "build", "volumes", "ports", "environment", "labels", "healthcheck", "container_name"])


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=12), st.dictionaries(KEYS, ODD, max_size=5) | ODD, max_size=4), ODD)
def test_any_services_become_a_valid_inventory_or_are_refused(services: object, volumes: object) -> None:
    import yaml

    text = yaml.safe_dump({"services": services, "volumes": volumes})
    told = read_import("/srv/x/compose.yaml", text)
    assert told.sightings or told.not_understood
    check_text(compose("club", date(2026, 11, 22), World(), imports={"x": told}).sketch.to_text())


def test_files_that_others_wrote() -> None:
    """Real files, where somebody put a folder of them; none of them is ours to keep here."""
    shared = os.environ.get("KEDGE_SHARED", "")
    files = sorted(Path(shared, "compose").rglob("*.y*ml")) if shared else []
    if not files:
        pytest.skip("does not apply: KEDGE_SHARED names no folder with a folder `compose` of compose files")
    told: dict[str, Imported] = {str(file): read_import(str(file), file.read_text(errors="replace")) for file in files}
    text = compose("others", date(2026, 11, 22), World(), imports=told).sketch.to_text()
    inventory = check_text(text)
    wanted = sum(len(one.sightings) for one in told.values())
    assert len(inventory.sections.services) == wanted > 0
    for path, one in told.items():
        assert one.sightings or one.not_understood, path


def test_a_project_without_data_says_so() -> None:
    project = read_compose("services: {proxy: {image: 'traefik:3'}}", "/srv/proxy/compose.yaml")
    assert project_sighting(project, "", "").fields["keeps-data"] is False


def test_files_outside_its_folder_are_named_since_they_are_not_saved_with_it() -> None:
    text = """
    include: [../common.yaml, {path: [inner.yaml, /srv/base.yaml]}]
    services:
      app: {image: app, env_file: [.env, ../shared.env, {path: ~/own.env}], extends: {file: ../base.yaml, service: x}}
      web: {image: web, env_file: /etc/web.env}
    configs: {a: {file: ./a.conf}, b: {external: true}}
    secrets: {key: {file: /etc/keys/app}}
    """
    told = [line.partition(":")[0] for line in read_compose(text, "/srv/x/compose.yaml").not_understood]
    assert told == [
        "../base.yaml", "../common.yaml", "../shared.env", "/etc/keys/app", "/etc/web.env", "/srv/base.yaml", "~/own.env",
    ]  # fmt: skip
