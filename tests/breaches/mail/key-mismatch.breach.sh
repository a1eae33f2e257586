# safeguard: LEAK-08
# host: mail
# check: test_mail.py::test_mail_is_signed_with_the_published_key
# took: systemctl is-active --quiet opendkim.service && ! cmp -s /etc/azukari/mail/dkim.key /run/dkim.before
# A key that nobody published signs: whoever reads the mail cannot tell it from a forged one.
cp /etc/azukari/mail/dkim.key /run/dkim.before
openssl genrsa -traditional -out /etc/azukari/mail/dkim.key 2048
systemctl restart opendkim.service
