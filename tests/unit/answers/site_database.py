"""The site's database as the role `database` makes it, for a PostgreSQL of the tests' own."""

from jinja2 import Environment, StrictUndefined

from azukari.content import content
from azukari.provision.derive import derive
from azukari.site import load


def script():
    """Return the script of the database, as far as it makes tables and programs."""
    site = load(content("inventory") / "lab")
    template = (content("roles") / "database" / "templates" / "site.sql.j2").read_text()
    part = (
        template.splitlines()[0]
        + template[  # its first line says whether the site sends letters
            template.index("{% for form in azukari.forms %}\nCREATE TABLE") : template.index("-- What nobody declared.")
        ]
    )
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701  no HTML: SQL
    text = environment.from_string(part).render(
        azukari=derive(site, site.hosts["db"]), site={"time_zone": site.settings.time_zone}
    )
    owner = "DO $$ BEGIN IF to_regrole('site_owner') IS NULL THEN CREATE ROLE site_owner; END IF; END $$;"
    return f"DROP SCHEMA IF EXISTS site CASCADE; {owner} CREATE SCHEMA site AUTHORIZATION site_owner;\n{text}"
