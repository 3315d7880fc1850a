//! The routes: each reads a request, does its work in one transaction, answers in JSON.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::database::{AnyConnection, Pool};
use crate::error::AppError;
use crate::merchant_email::Email;
use crate::merchants::{Merchant, NewMerchant};
use crate::models::{Equipment, FeeSchedule, Quote};
use crate::snapshot::{Access, transaction};
use crate::text::Text;
use crate::transactions::{NewTransaction, Transaction};
use crate::{merchant_email, merchants, queries, transactions};

type Answer<T> = Result<Json<T>, AppError>;
type Created<T> = Result<(StatusCode, Json<T>), AppError>;

/// Every route of the application, on this pool of connections.
pub fn router(pool: Pool) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/fees", get(fees))
        .route("/quote", get(quote))
        .route("/equipment", get(equipment))
        .route("/merchants", post(create_merchant))
        .route("/merchants/{id}/emails/{template}", get(email))
        .route("/transactions", post(record_transaction))
        .fallback(async || AppError::not_found("unknown_route", "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            AppError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong_method",
                "this address does not answer to this method",
            )
        })
        .with_state(pool)
}

/// Runs `work` in one transaction, on a thread that may block as diesel does.
async fn ask<T: Send + 'static>(
    pool: Pool,
    access: Access,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, AppError> + Send + 'static,
) -> Answer<T> {
    tokio::task::spawn_blocking(move || {
        let mut connection = pool.get().map_err(AppError::unavailable)?;
        transaction(&mut connection, access, work).map(Json)
    })
    .await
    .map_err(AppError::internal)?
}

async fn health(State(pool): State<Pool>) -> Answer<serde_json::Value> {
    ask(pool, Access::Read, |connection| {
        queries::check_health(connection)?;
        Ok(serde_json::json!({ "status": "ok" }))
    })
    .await
}

async fn fees(State(pool): State<Pool>) -> Answer<Vec<FeeSchedule>> {
    ask(pool, Access::Read, |connection| {
        Ok(queries::fee_schedules(connection)?)
    })
    .await
}

#[derive(Deserialize)]
struct QuoteQuery {
    group: Text,
    /// In minor units.
    amount: i64,
}

async fn quote(
    State(pool): State<Pool>,
    query: Result<Query<QuoteQuery>, QueryRejection>,
) -> Answer<Quote> {
    let Query(query) = query?;
    ask(pool, Access::Read, move |connection| {
        queries::quote(connection, &query.group, query.amount)
    })
    .await
}

async fn equipment(State(pool): State<Pool>) -> Answer<Vec<Equipment>> {
    ask(pool, Access::Read, |connection| {
        Ok(queries::equipment(connection)?)
    })
    .await
}

async fn email(
    State(pool): State<Pool>,
    path: Result<Path<(i64, Text)>, PathRejection>,
) -> Answer<Email> {
    let Path((merchant_id, template)) = path?;
    ask(pool, Access::Read, move |connection| {
        merchant_email::compose(connection, merchant_id, &template)
    })
    .await
}

async fn create_merchant(
    State(pool): State<Pool>,
    body: Result<Json<NewMerchant>, JsonRejection>,
) -> Created<Merchant> {
    let Json(new) = body?;
    let merchant = ask(pool, Access::Write, move |connection| {
        merchants::create(connection, &new)
    })
    .await?;
    Ok((StatusCode::CREATED, merchant))
}

async fn record_transaction(
    State(pool): State<Pool>,
    body: Result<Json<NewTransaction>, JsonRejection>,
) -> Created<Transaction> {
    let Json(new) = body?;
    let stored = ask(pool, Access::Write, move |connection| {
        transactions::record(connection, &new)
    })
    .await?;
    Ok((StatusCode::CREATED, stored))
}
