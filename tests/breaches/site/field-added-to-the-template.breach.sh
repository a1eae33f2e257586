#!/bin/bash
# safeguard: USE-01
# host: app
# check: test_site_collects.py::test_only_the_declared_program_collects
# alone: yes
# took: grep -q 'name="phone"' /srv/azukari/site/reference_site/templates/form.html.j2
# the form is shown by the web server, where it is judged too
sed -i 's|^</form>|<p><label for="phone">phone</label> <input id="phone" name="phone"></p>\n&|' \
    /srv/azukari/site/reference_site/templates/form.html.j2
systemctl restart azukari-site.service
