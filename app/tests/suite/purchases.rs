//! The routes that write.

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::client::{Client, post};
use crate::support::{Backend, lines};

on_both!(
    a_merchant_is_stored_with_an_audit_log,
    a_merchant_needs_sound_data,
    two_merchants_cannot_share_an_address,
    a_transaction_is_stored_with_its_fee_and_an_audit_log,
    a_transaction_needs_sound_data,
    a_refused_transaction_leaves_nothing,
    transactions_at_the_same_time_all_succeed,
);

const TRANSACTIONS: &str = "
    SELECT CAST(amount_minor_units AS text) || ' ' || CAST(fee_minor_units AS text) || ' '
        || currency AS line
    FROM transactions ORDER BY id";

const AUDIT_LOGS: &str = "
    SELECT action || ' ' || entity || ' ' || CAST(entity_id AS text) || ': ' || detail AS line
    FROM audit_logs ORDER BY id";

fn a_merchant_is_stored_with_an_audit_log(backend: Backend) {
    let client = Client::new(backend);
    let body = json!({
        "fee_group": "standard",
        "legal_name": " Corner Shop Ltd ",
        "contact_email": "owner@corner.example",
    });
    let (status, merchant) = client.post("/merchants", &body);
    let id = merchant["id"].as_i64().unwrap();
    let expected = json!({
        "id": id, "legal_name": "Corner Shop Ltd", "trading_name": "Corner Shop Ltd",
        "contact_email": "owner@corner.example", "status": "active",
    });
    assert_eq!((status, merchant), (201, expected));
    let logs = lines(&mut client.database.connect(), AUDIT_LOGS);
    assert_eq!(logs, [format!("create merchant {id}: fee group standard")]);
}

fn a_merchant_needs_sound_data(backend: Backend) {
    let client = Client::new(backend);
    let sound = json!({
        "fee_group": "standard", "legal_name": "Shop Ltd", "contact_email": "a@b.example",
    });
    for (field, value, status, code) in [
        ("fee_group", json!("none"), 422, "unknown_fee_group"),
        ("fee_group", json!("old"), 422, "unknown_fee_group"),
        ("account_manager_id", json!(99), 422, "unknown_user"),
        ("legal_name", json!("  "), 422, "invalid_name"),
        ("trading_name", json!(""), 422, "invalid_name"),
        ("trading_name", json!("Shop\nBcc: all"), 422, "invalid_name"),
        (
            "contact_email",
            json!("a@b.example\nBcc: c@d.example"),
            422,
            "invalid_email",
        ),
        ("contact_email", json!("nobody"), 422, "invalid_email"),
        ("contact_email", Value::Null, 422, "invalid_body"),
        ("unknown_field", json!(1), 422, "invalid_body"),
    ] {
        let mut body = sound.clone();
        body[field] = value;
        let (answered, answer) = client.post("/merchants", &body);
        assert_eq!(
            (answered, &answer["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let (status, answer) = client.send(post("/merchants", "{"));
    assert_eq!((status, &answer["code"]), (400, &json!("invalid_body")));
    let count = lines(&mut client.database.connect(), AUDIT_LOGS).len();
    assert_eq!(count, 0);
}

fn two_merchants_cannot_share_an_address(backend: Backend) {
    let client = Client::new(backend);
    client.merchant();
    let body = json!({
        "fee_group": "charity", "legal_name": "Other", "contact_email": "owner@corner.example",
    });
    let (status, answer) = client.post("/merchants", &body);
    assert_eq!((status, &answer["code"]), (409, &json!("email_taken")));
}

fn a_transaction_is_stored_with_its_fee_and_an_audit_log(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    let body = json!({ "merchant_id": merchant, "fee_item": "debit", "amount_minor_units": 1250 });
    let (status, stored) = client.post("/transactions", &body);
    let id = stored["id"].as_i64().unwrap();
    let expected = json!({
        "id": id, "merchant_id": merchant, "fee_item": "debit", "currency": "GBP",
        "amount_minor_units": 1250, "fee_minor_units": 25, "net_minor_units": 1225,
    });
    assert_eq!((status, stored), (201, expected));
    let mut connection = client.database.connect();
    assert_eq!(lines(&mut connection, TRANSACTIONS), ["1250 25 GBP"]);
    let logs = lines(&mut connection, AUDIT_LOGS);
    assert_eq!(
        logs[1..],
        [format!(
            "create transaction {id}: debit of 1250 GBP costs 25"
        )]
    );
}

fn a_transaction_needs_sound_data(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    for (merchant, item, amount, code) in [
        (999, "debit", 100, "unknown_merchant"),
        (merchant, "none", 100, "unknown_fee_item"),
        (merchant, "cheque", 100, "unknown_fee_item"),
        (merchant, "debit", 0, "invalid_amount"),
        (merchant, "debit", -5, "invalid_amount"),
        (merchant, "debit", 5_000_001, "amount_over_maximum"),
    ] {
        let body =
            json!({ "merchant_id": merchant, "fee_item": item, "amount_minor_units": amount });
        let (status, answer) = client.post("/transactions", &body);
        assert_eq!((status, &answer["code"]), (422, &json!(code)), "{body}");
    }
    let fraction =
        json!({ "merchant_id": merchant, "fee_item": "debit", "amount_minor_units": 1.5 });
    let (status, answer) = client.post("/transactions", &fraction);
    assert_eq!((status, &answer["code"]), (422, &json!("invalid_body")));

    let mut connection = client.database.connect();
    connection
        .batch_execute("UPDATE merchants SET status = 'suspended'")
        .unwrap();
    let body = json!({ "merchant_id": merchant, "fee_item": "debit", "amount_minor_units": 100 });
    let (status, answer) = client.post("/transactions", &body);
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("merchant_not_active"))
    );
    assert!(lines(&mut connection, TRANSACTIONS).is_empty());
}

fn a_refused_transaction_leaves_nothing(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    let mut connection = client.database.connect();
    connection
        .batch_execute("ALTER TABLE audit_logs RENAME TO audit_logs_away")
        .unwrap();
    let body = json!({ "merchant_id": merchant, "fee_item": "debit", "amount_minor_units": 100 });
    let (status, answer) = client.post("/transactions", &body);
    assert_eq!((status, &answer["code"]), (500, &json!("internal_error")));
    assert!(lines(&mut connection, TRANSACTIONS).is_empty());
}

fn transactions_at_the_same_time_all_succeed(backend: Backend) {
    let client = Client::new(backend);
    let merchant = client.merchant();
    let body = json!({ "merchant_id": merchant, "fee_item": "credit", "amount_minor_units": 5000 });
    for (status, answer) in client.post_at_once("/transactions", &body, 12) {
        assert_eq!(status, 201, "{answer}");
    }
    let stored = lines(&mut client.database.connect(), TRANSACTIONS);
    assert_eq!(stored, vec!["5000 118 GBP"; 12]);
}
