//! Asks the router directly, without a network.

use app::database::open_pool;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Backend, Database, run};

/// Some of everything that the routes show.
const LOOKUP_ROWS: &str = r#"
    INSERT INTO fee_groups (id, code, name, currency, active) VALUES
        (1, 'standard', 'Standard', 'GBP', TRUE),
        (2, 'charity', 'Charities', 'EUR', TRUE),
        (3, 'old', 'No longer offered', 'GBP', FALSE);
    INSERT INTO fee_items (fee_group_id, code, name, rate_basis_points, fixed_minor_units,
        minimum_minor_units, active) VALUES
        (1, 'debit', 'Debit card', 120, 10, 0, TRUE),
        (1, 'credit', 'Credit card', 195, 20, 50, TRUE),
        (1, 'cheque', 'Cheque', 0, 500, 0, FALSE),
        (2, 'debit', 'Debit card', 80, 0, 0, TRUE);
    INSERT INTO equipment_catalogue (code, name, category, currency, price_minor_units,
        monthly_rental_minor_units, specification, active) VALUES
        ('t200', 'Terminal 200', 'terminal', 'GBP', 19900, 950, '{"colour": "grey", "ports": [1, 2]}', TRUE),
        ('p10', 'Printer 10', 'printer', 'GBP', 4900, NULL, '{}', TRUE),
        ('t100', 'Terminal 100', 'terminal', 'GBP', 9900, NULL, '{}', FALSE);
    INSERT INTO email_templates (code, subject, body, active) VALUES
        ('welcome', 'Welcome, {{merchant.name}}', 'Dear {{ merchant.name }},

Write to {{configuration.support_email}}.
', TRUE),
        ('broken', 'Hello', 'Dear {{merchant.nmae}}', TRUE),
        ('old', 'Hello', 'Hello', FALSE);
    INSERT INTO users (id, email, full_name, role)
    VALUES (1, 'ann@example.com', 'Ann', 'account_manager');
"#;

/// An application with a database of its own.
pub(crate) struct Client {
    router: Router,
    runtime: tokio::runtime::Runtime,
    pub(crate) database: Database,
}

impl Client {
    /// On a migrated database with some lookup rows and one user.
    pub(crate) fn new(backend: Backend) -> Self {
        let database = Database::migrated(backend);
        run(&mut database.connect(), LOOKUP_ROWS).unwrap();
        Self::on(database)
    }

    pub(crate) fn on(database: Database) -> Self {
        Self {
            router: app::http::router(open_pool(&database.address).expect("a pool")),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            database,
        }
    }

    pub(crate) fn get(&self, address: &str) -> (u16, Value) {
        self.send(Request::get(address).body(Body::empty()).unwrap())
    }

    pub(crate) fn post(&self, address: &str, body: &Value) -> (u16, Value) {
        self.send(post(address, body.to_string()))
    }

    pub(crate) fn send(&self, request: Request<Body>) -> (u16, Value) {
        self.runtime.block_on(answer(self.router.clone(), request))
    }

    /// Posts the same body `times` times at once.
    pub(crate) fn post_at_once(
        &self,
        address: &str,
        body: &Value,
        times: usize,
    ) -> Vec<(u16, Value)> {
        self.runtime.block_on(async {
            let answers: Vec<_> = (0..times)
                .map(|_| tokio::spawn(answer(self.router.clone(), post(address, body.to_string()))))
                .collect();
            let mut received = Vec::new();
            for one in answers {
                received.push(one.await.unwrap());
            }
            received
        })
    }

    /// Stores a merchant on the standard fees and returns its number.
    pub(crate) fn merchant(&self) -> i64 {
        let body = serde_json::json!({
            "fee_group": "standard",
            "account_manager_id": 1,
            "legal_name": "Corner Shop Ltd",
            "trading_name": "Corner Shop",
            "contact_email": "owner@corner.example",
        });
        let (status, merchant) = self.post("/merchants", &body);
        assert_eq!(status, 201, "{merchant}");
        merchant["id"].as_i64().unwrap()
    }
}

pub(crate) fn post(address: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(address)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

async fn answer(router: Router, request: Request<Body>) -> (u16, Value) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| panic!("{status} is not JSON: {}", String::from_utf8_lossy(&bytes)));
    (status, body)
}
