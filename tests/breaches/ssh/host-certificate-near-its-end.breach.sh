#!/bin/bash
# safeguard: LEAK-11
# host: web
# check: test_ssh.py::test_the_host_certificate
# given: "$PYTHON" -c "from azukari.site import load; from azukari.people import authority; site = load('.'); web = site.hosts['web']; print(authority.load(site, web.domain).host_certificate(open('keys/hosts/web.pub').read(), [str(name) for name in (web.name, web.address, web.address6)], 20))"
# took: ssh-keygen -L -f /etc/ssh/ssh_host_ed25519_key-cert.pub | grep -q Valid
cat /run/given >/etc/ssh/ssh_host_ed25519_key-cert.pub
rm /run/given
systemctl reload ssh.service
