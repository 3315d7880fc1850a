-- Two merchants with one address read each other's e-mails. This fails while any are left.
ALTER TABLE merchants ADD CONSTRAINT merchants_contact_email_key UNIQUE (contact_email);
