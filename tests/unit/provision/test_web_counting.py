"""nginx's settings, as the role makes them: what they say of the cookie for counting is what the checks promise."""

import pytest
from jinja2 import Environment, StrictUndefined

from azukari.content import content
from azukari.provision.derive import derive
from azukari.site import load
from azukari.verify.nginx_words import VISIT, settings, used
from checks import test_site_collects as collects
from checks import test_site_cookies as cookies


@pytest.fixture
def made():
    """Return what the role makes of nginx's settings for a policy; the cookies are to be given."""

    def made(**changed):
        site = load(content("inventory") / "lab")
        environment = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701  no HTML
        environment.filters["dict2items"] = lambda found: [{"key": key, "value": value} for key, value in found.items()]
        environment.filters["flatten"] = lambda found: [one for each in found for one in each]
        template = content("roles") / "web" / "templates" / "etc" / "nginx" / "nginx.conf.j2"
        given = {**derive(site, site.hosts["web"]), **changed}
        text = environment.from_string(template.read_text("utf-8")).render(azukari=given, web_release="/srv/release")
        return site, settings(text)

    return made


def test_the_cookie_that_is_set_and_the_field_that_is_logged_are_the_promised_ones(made):
    site, found = made()
    cookie = collects.counting_cookie(site)
    assert collects.redefinitions(found, cookie) == []
    (form,) = (one for one in found if one.words[0] == "log_format")
    assert VISIT in used(form.words)
    (line,) = (one.words[1] for one in found if one.words[0] == "1" and "$visit_cookie" in one.within[-1])
    assert cookies.cookie_findings(line, {cookie.name: cookie}) == []
    assert [one.within for one in found if one.words[:2] == ("add_header", "Set-Cookie")] == [("http",)]


def test_without_a_declared_cookie_none_is_set_and_no_visit_logged(made):
    _, found = made(visit={})
    assert collects.redefinitions(found, None) == []
    assert not [one for one in found if "cookie" in " ".join(one.words).lower() or VISIT in used(one.words)]
