ALTER TABLE merchants DROP CONSTRAINT merchants_contact_email_key;
