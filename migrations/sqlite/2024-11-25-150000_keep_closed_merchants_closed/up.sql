-- A closed merchant's contract has ended: it must be signed again as a new merchant.
CREATE TRIGGER merchants_keep_closed
BEFORE UPDATE OF status ON merchants
FOR EACH ROW
WHEN OLD.status = 'closed' AND NEW.status <> 'closed'
BEGIN
    SELECT RAISE(ABORT, 'a closed merchant cannot be reopened');
END;
