-- A closed merchant's contract has ended: it must be signed again as a new merchant.
CREATE FUNCTION merchants_keep_closed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a closed merchant cannot be reopened'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'merchants_keep_closed';
END;
$$;

CREATE TRIGGER merchants_keep_closed
BEFORE UPDATE OF status ON merchants
FOR EACH ROW
WHEN (OLD.status = 'closed' AND NEW.status <> 'closed')
EXECUTE FUNCTION merchants_keep_closed();
