-- No monthly rental means that the equipment is only sold.
CREATE TABLE equipment_catalogue (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL CONSTRAINT equipment_catalogue_code_key UNIQUE,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    currency TEXT NOT NULL,
    price_minor_units BIGINT NOT NULL,
    monthly_rental_minor_units BIGINT,
    specification TEXT NOT NULL DEFAULT '{}',
    active BOOLEAN NOT NULL DEFAULT TRUE,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT equipment_catalogue_category_check
        CHECK (category IN ('terminal', 'printer', 'accessory')),
    CONSTRAINT equipment_catalogue_currency_check CHECK (length(currency) = 3),
    CONSTRAINT equipment_catalogue_price_check
        CHECK (typeof(price_minor_units) = 'integer' AND price_minor_units >= 0),
    CONSTRAINT equipment_catalogue_specification_check CHECK (json_valid(specification)),
    CONSTRAINT equipment_catalogue_active_check CHECK (active IN (FALSE, TRUE))
);
