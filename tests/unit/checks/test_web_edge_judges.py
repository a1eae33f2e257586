"""What the edge hands on is judged by nginx's own settings: as recorded, and with one thing otherwise."""

from types import SimpleNamespace

import pytest

from azukari.verify.nginx_words import settings
from checks import test_web_edge as judged

HOST = SimpleNamespace(name="web")
SERVER = """
server {{
    proxy_pass_request_headers off;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header Content-Type $content_type;
    proxy_set_header Origin $http_origin;
    proxy_set_header Sec-Fetch-Site $http_sec_fetch_site;
    {}
}}
"""


def handed_on(more="", text=SERVER):
    found = settings(text.format(more), "http")
    return [[list(one.within), list(one.words)] for one in found if one.words[0] in judged.HANDS_ON]


def test_what_sending_takes_is_handed_on(lab_site):
    said = judged.test_the_edge_drops_what_is_not_declared(HOST, lab_site, handed_on())
    assert said == "dropped: X-DCMGUID, X-UP-SUBNO, X-JPHONE-UID, X-EM-UID"


@pytest.mark.parametrize(
    "more",
    [
        "proxy_set_header X-DCMGUID $http_x_dcmguid;",
        "location /contact/ { proxy_set_header Host $host; }",
        "location /contact/ { proxy_pass_request_headers on; }",
        "location /x/ { fastcgi_pass app; }",
    ],
)
def test_what_is_handed_on_besides_is_found(lab_site, more):
    with pytest.raises(AssertionError, match="what is handed on to the forms"):
        judged.test_the_edge_drops_what_is_not_declared(HOST, lab_site, handed_on(more))


def test_headers_that_are_all_handed_on_are_found(lab_site):
    text = SERVER.replace("    proxy_pass_request_headers off;\n", "")
    with pytest.raises(AssertionError, match="what is handed on to the forms"):
        judged.test_the_edge_drops_what_is_not_declared(HOST, lab_site, handed_on(text=text))


def test_a_policy_that_drops_what_the_forms_need_is_found(lab_site):
    policy = lab_site.policy.model_copy(update={"dropped": (SimpleNamespace(headers=("origin",)),)})
    site = SimpleNamespace(policy=policy, group=lab_site.group)
    with pytest.raises(AssertionError, match="origin is dropped, and the forms need it"):
        judged.test_the_edge_drops_what_is_not_declared(HOST, site, handed_on())
