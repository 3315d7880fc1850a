-- No monthly rental means that the equipment is only sold.
CREATE TABLE equipment_catalogue (
    id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT equipment_catalogue_pkey PRIMARY KEY,
    code text NOT NULL CONSTRAINT equipment_catalogue_code_key UNIQUE,
    name text NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    price_minor_units bigint NOT NULL,
    monthly_rental_minor_units bigint,
    specification jsonb NOT NULL DEFAULT '{}',
    active boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT equipment_catalogue_category_check
        CHECK (category IN ('terminal', 'printer', 'accessory')),
    CONSTRAINT equipment_catalogue_currency_check CHECK (length(currency) = 3),
    CONSTRAINT equipment_catalogue_price_check CHECK (price_minor_units >= 0)
);
