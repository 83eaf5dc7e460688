//! What a person does with an import.

use super::{DAYS, PAGE, progress, standing};
use crate::AppError;
use crate::form::{Entry, done, failed};
use crate::viewer::viewer;
use domain::{Dollars, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::StoreError;
use store::imports::{ImportAct, ImportLimits};

/// Asks for the list of past tickets.
#[server(prefix = "/do", endpoint = "import-begin")]
pub async fn import_begin(days: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let Some(days) = days.trim().parse().ok().filter(|days| DAYS.contains(days)) else {
        let mut entry = Entry::new(ImportBegin::url(), PAGE).keep("days", &days);
        entry.wrong("days", "Choose one of the times.");
        return entry.send_back().await;
    };
    match viewer.store.import_begin(days, &viewer.actor, viewer.now).await {
        Ok(()) => done(PAGE, "The list of past tickets is being read.").await,
        Err(StoreError::Conflict { .. }) => {
            failed(PAGE, "Another import is under way. Wait until it is through, or cancel it.").await
        }
        Err(StoreError::NotConnected) => failed(PAGE, "Connect your ticketing system first.").await,
        Err(error) => Err(error.into()),
    }
}

/// Allows it, or lets it go on.
#[server(prefix = "/do", endpoint = "import-start")]
pub async fn import_start(
    #[server(default)] tickets: String,
    #[server(default)] cost: String,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let (most_tickets, mut most_cost) = (whole(&tickets), dollars(&cost));
    let price = viewer.store.model_connection().await?.settings.price();
    if price.is_none() && matches!(most_cost, Ok(Some(_))) {
        most_cost = Err("Say under Connections what your model costs, or leave this empty.");
    }
    let mut entry = Entry::new(ImportStart::url(), PAGE).keep("tickets", &tickets).keep("cost", &cost);
    if let Err(message) = &most_tickets {
        entry.wrong("tickets", *message);
    }
    if let Err(message) = &most_cost {
        entry.wrong("cost", *message);
    }
    let (Ok(tickets), Ok(cost)) = (most_tickets, most_cost) else { return entry.send_back().await };
    act(ImportAct::Start(ImportLimits { tickets, cost }), "Past tickets are read and scored.").await
}

/// No more tickets are taken in until it goes on.
#[server(prefix = "/do", endpoint = "import-pause")]
pub async fn import_pause() -> Result<(), AppError> {
    act(ImportAct::Pause, "Paused. What is under way is still read.").await
}

#[server(prefix = "/do", endpoint = "import-cancel")]
pub async fn import_cancel() -> Result<(), AppError> {
    act(ImportAct::Cancel, "Cancelled. What was scored stays.").await
}

async fn act(act: ImportAct, told: &str) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    if viewer.store.import_act(act, &viewer.actor, viewer.now).await? {
        return done(PAGE, told).await;
    }
    failed(PAGE, "The import has gone on meanwhile: this is how it stands now.").await
}

/// How far it is, as HTML.
#[server(prefix = "/do", endpoint = "import-look")]
pub async fn import_look() -> Result<String, AppError> {
    let viewer = viewer(Permission::Read).await?;
    Ok(standing(&viewer).await?.map(|standing| progress(&standing, true).to_html()).unwrap_or_default())
}

/// Empty: no limit.
fn whole(typed: &str) -> Result<Option<u32>, &'static str> {
    match typed.trim() {
        "" => Ok(None),
        typed => match typed.parse() {
            Ok(most @ 1..) => Ok(Some(most)),
            _ => Err("Enter a whole number from 1 on, or nothing."),
        },
    }
}

/// Empty: no limit.
fn dollars(typed: &str) -> Result<Option<Dollars>, &'static str> {
    match typed.trim() {
        "" => Ok(None),
        typed => {
            typed.parse().map(Some).map_err(|_| "Enter an amount in US dollars, such as 2.50, or nothing.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_type_them() {
        for (typed, expected) in [
            ("", Some(None)),
            (" 500 ", Some(Some(500))),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("99999999999", None),
        ] {
            assert_eq!(whole(typed).ok(), expected, "{typed:?}");
        }
        for (typed, expected) in
            [("", Some(None)), ("$ 2,50", Some(Some(2_500_000))), ("0", Some(Some(0))), ("much", None)]
        {
            assert_eq!(dollars(typed).ok().map(|cost| cost.map(Dollars::millionths)), expected, "{typed:?}");
        }
    }
}
