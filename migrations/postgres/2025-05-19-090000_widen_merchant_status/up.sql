-- Merchants now exist before they may trade ('pending') and while risk is looked into.
ALTER TABLE merchants DROP CONSTRAINT merchants_status_check;
ALTER TABLE merchants ADD CONSTRAINT merchants_status_check
    CHECK (status IN ('pending', 'active', 'under_review', 'suspended', 'closed'));
