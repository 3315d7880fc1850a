-- Both new statuses mean "may not trade", which only 'suspended' said before.
UPDATE merchants SET status = 'suspended' WHERE status IN ('pending', 'under_review');

ALTER TABLE merchants DROP CONSTRAINT merchants_status_check;
ALTER TABLE merchants ADD CONSTRAINT merchants_status_check
    CHECK (status IN ('active', 'suspended', 'closed'));
