//! The routes that only read.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::client::Client;
use crate::support::{Backend, Database};

on_both!(
    health_asks_the_database,
    fees_are_active_groups_with_active_items,
    a_quote_prices_every_item,
    a_quote_needs_a_known_group_and_an_amount,
    equipment_comes_with_its_specification,
    an_email_is_filled,
    an_email_needs_a_merchant_and_a_sound_template,
    unknown_addresses_and_methods_are_answered_in_json,
    text_with_nul_is_the_clients_mistake,
);

fn health_asks_the_database(backend: Backend) {
    assert_eq!(
        Client::new(backend).get("/health"),
        (200, json!({ "status": "ok" }))
    );

    let unmigrated = Client::on(Database::empty(backend));
    let (status, body) = unmigrated.get("/health");
    assert_eq!((status, &body["code"]), (500, &json!("internal_error")));
    // What the database said is for the log.
    assert!(!body.to_string().contains("system_configuration"));
}

fn fees_are_active_groups_with_active_items(backend: Backend) {
    let (status, body) = Client::new(backend).get("/fees");
    assert_eq!(status, 200);
    let expected = json!([
        { "code": "charity", "name": "Charities", "currency": "EUR", "items": [
            { "code": "debit", "name": "Debit card", "rate_basis_points": 80,
              "fixed_minor_units": 0, "minimum_minor_units": 0 },
        ]},
        { "code": "standard", "name": "Standard", "currency": "GBP", "items": [
            { "code": "credit", "name": "Credit card", "rate_basis_points": 195,
              "fixed_minor_units": 20, "minimum_minor_units": 50 },
            { "code": "debit", "name": "Debit card", "rate_basis_points": 120,
              "fixed_minor_units": 10, "minimum_minor_units": 0 },
        ]},
    ]);
    assert_eq!(body, expected);
}

fn a_quote_prices_every_item(backend: Backend) {
    let (status, body) = Client::new(backend).get("/quote?group=standard&amount=1250");
    assert_eq!(status, 200);
    let expected = json!({
        "group": "standard", "currency": "GBP", "amount_minor_units": 1250, "items": [
            // 24.375 + 20 is less than the minimum of 50.
            { "code": "credit", "name": "Credit card", "fee_minor_units": 50,
              "net_minor_units": 1200 },
            { "code": "debit", "name": "Debit card", "fee_minor_units": 25,
              "net_minor_units": 1225 },
        ],
    });
    assert_eq!(body, expected);
}

fn a_quote_needs_a_known_group_and_an_amount(backend: Backend) {
    let client = Client::new(backend);
    for (address, status, code) in [
        ("/quote?group=none&amount=1", 404, "unknown_fee_group"),
        ("/quote?group=old&amount=1", 404, "unknown_fee_group"),
        ("/quote?group=standard&amount=0", 422, "invalid_amount"),
        ("/quote?group=standard&amount=ten", 400, "invalid_query"),
        ("/quote?group=standard", 400, "invalid_query"),
    ] {
        let (answered, body) = client.get(address);
        assert_eq!(
            (answered, &body["code"]),
            (status, &json!(code)),
            "{address}"
        );
        assert!(body["message"].is_string());
    }
}

fn equipment_comes_with_its_specification(backend: Backend) {
    let (status, body) = Client::new(backend).get("/equipment");
    assert_eq!(status, 200);
    let expected = json!([
        { "code": "p10", "name": "Printer 10", "category": "printer", "currency": "GBP",
          "price_minor_units": 4900, "monthly_rental_minor_units": null, "specification": {} },
        { "code": "t200", "name": "Terminal 200", "category": "terminal", "currency": "GBP",
          "price_minor_units": 19900, "monthly_rental_minor_units": 950,
          "specification": { "colour": "grey", "ports": [1, 2] } },
    ]);
    assert_eq!(body, expected);
}

fn an_email_is_filled(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    let (status, body) = client.get(&format!("/merchants/{merchant}/emails/welcome"));
    assert_eq!(status, 200);
    let expected = json!({
        "to": "owner@corner.example",
        "subject": "Welcome, Corner Shop",
        "body": "Dear Corner Shop,\n\nWrite to support@northgate.example.\n",
    });
    assert_eq!(body, expected);
}

fn an_email_needs_a_merchant_and_a_sound_template(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    for (address, status, code) in [
        (
            "/merchants/999/emails/welcome".to_owned(),
            404,
            "unknown_merchant",
        ),
        (
            "/merchants/one/emails/welcome".to_owned(),
            400,
            "invalid_path",
        ),
        (
            format!("/merchants/{merchant}/emails/none"),
            404,
            "unknown_email_template",
        ),
        (
            format!("/merchants/{merchant}/emails/old"),
            404,
            "unknown_email_template",
        ),
    ] {
        let (answered, body) = client.get(&address);
        assert_eq!(
            (answered, &body["code"]),
            (status, &json!(code)),
            "{address}"
        );
    }
    let (status, body) = client.get(&format!("/merchants/{merchant}/emails/broken"));
    let expected = json!({
        "code": "email_template_invalid",
        "message": "e-mail template broken: unknown placeholder {{merchant.nmae}}",
    });
    assert_eq!((status, body), (500, expected));
}

fn unknown_addresses_and_methods_are_answered_in_json(backend: Backend) {
    let client = Client::new(backend);
    let (status, body) = client.get("/nothing");
    assert_eq!((status, &body["code"]), (404, &json!("unknown_route")));
    let (status, body) = client.send(Request::delete("/fees").body(Body::empty()).unwrap());
    assert_eq!((status, &body["code"]), (405, &json!("wrong_method")));
}

fn text_with_nul_is_the_clients_mistake(backend: Backend) {
    let client = Client::new(backend);
    for address in [
        "/quote?group=stand%00ard&amount=1",
        "/quote?group=%00&amount=1",
        "/merchants/1/emails/wel%00come",
    ] {
        assert_eq!(client.get(address).0, 400, "{address}");
    }
    let merchant = serde_json::json!({
        "fee_group": "standard", "legal_name": "Shop Ltd", "trading_name": "Shop",
        "contact_email": "a@b.example",
    });
    for field in ["fee_group", "legal_name", "trading_name", "contact_email"] {
        let mut body = merchant.clone();
        body[field] = "a\0@b".into();
        let (status, answer) = client.post("/merchants", &body);
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("invalid_body")),
            "{field}"
        );
    }
    let body =
        serde_json::json!({"merchant_id": 1, "fee_item": "de\0bit", "amount_minor_units": 1});
    assert_eq!(client.post("/transactions", &body).0, 422);
    // An unknown field is told, and not stored.
    let body = serde_json::json!({"\0": 1});
    assert_eq!(client.post("/merchants", &body).0, 422);
}
