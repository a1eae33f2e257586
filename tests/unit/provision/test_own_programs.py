"""What the role `integrity` must never set aside is read from the roles, so that no new program can be forgotten."""

from azukari.content import content
from azukari.provision.derive import own_programs


def test_every_program_that_a_role_installs_is_azukaris_own():
    assert "/usr/local/libexec/azukari-principals" in own_programs()  # sshd asks it for principals at each login
    for path in own_programs():
        assert any(content("roles").glob(f"*/files{path}")) or any(content("roles").glob(f"*/templates{path}.j2"))


def test_only_places_outside_packages_count():
    assert all(path.startswith("/usr/local/") for path in own_programs())
