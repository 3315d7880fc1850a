-- Two merchants with one address read each other's e-mails. This fails while any are left.
CREATE UNIQUE INDEX merchants_contact_email_key ON merchants (contact_email);
