//! One ticket's whole story, as its page tells it.

use super::list::{ListRow, select_tickets};
use super::{ReadTicket, TicketRow};
use crate::analyses::Analysis;
use crate::door::{Delivery, DeliveryRow, DeliveryState, select_deliveries};
use crate::engine::{fetch_all, fetch_optional};
use crate::ledger::LedgerRow;
use crate::{Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::{DeliveryId, Ticket, TicketId};

/// Everything about one ticket.
#[derive(Clone, Debug)]
pub struct TicketStory {
    pub row: TicketRow,
    /// Where the text was removed, only what the row still says.
    pub ticket: Ticket,
    pub text: String,
    pub text_remarks: Vec<String>,
    pub author_name: String,
    /// Newest first.
    pub analyses: Vec<Analysis>,
    /// In the order of the plan.
    pub actions: Vec<LedgerRow>,
    pub deliveries: Vec<Delivery>,
    /// The timeline, oldest first.
    pub events: Vec<Event>,
}

impl TicketStory {
    /// The call that brought the ticket in, as opposed to those about it that changed nothing; `None` when it is not kept
    /// any more. Its trace is that of the ticket's whole way.
    pub fn brought_in_by(&self) -> Option<DeliveryId> {
        self.deliveries.iter().find(|call| call.state != DeliveryState::Ignored).map(|call| call.id)
    }
}

/// One line of a ticket's timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: DateTime<Utc>,
    /// `received`, `read`, `scored`, `skipped`, `decided`, `acted`, `retry`, `failed`, `replayed`.
    pub what: String,
    pub detail: String,
}

impl TenantStore {
    pub async fn ticket_story(&self, ticket: TicketId) -> Result<Option<TicketStory>> {
        let mut reader = self.read().await?;
        let Some(row) = fetch_optional!(
            reader,
            ListRow,
            concat!(select_tickets!(), "WHERE t.tenant_id = $1 AND t.id = $2"),
            self.tenant.0,
            ticket.0
        )?
        else {
            return Ok(None);
        };
        let analyses = crate::analyses::of_ticket(&mut reader, self.tenant, ticket, None).await?;
        let mut actions = crate::ledger::of_ticket(&mut reader, self.tenant, ticket).await?;
        actions.sort_by_key(|action| (action.position, action.decided_at));
        let deliveries = fetch_all!(
            reader,
            DeliveryRow,
            concat!(
                select_deliveries!(),
                "WHERE d.tenant_id = $1 AND t.id = $2
                   AND d.external_ticket = (SELECT x.external_id FROM tickets x WHERE x.tenant_id = $1 AND x.id = $2)
                 ORDER BY d.received_at, d.id LIMIT 100"
            ),
            self.tenant.0,
            ticket.0
        )?;
        let events: Vec<(DateTime<Utc>, String, String)> = fetch_all!(
            reader,
            (DateTime<Utc>, String, String),
            "SELECT at, what, detail FROM events WHERE tenant_id = $1 AND ticket_id = $2 ORDER BY at, id",
            self.tenant.0,
            ticket.0
        )?;
        drop(reader);
        let read = match self.ticket_for_work(ticket).await? {
            Some((_, read)) => read,
            None => ReadTicket {
                ticket: row.remains()?,
                text: String::new(),
                text_remarks: Vec::new(),
                author_name: String::new(),
            },
        };
        Ok(Some(TicketStory {
            row: row.try_into()?,
            ticket: read.ticket,
            text: read.text,
            text_remarks: read.text_remarks,
            author_name: read.author_name,
            analyses,
            actions,
            deliveries: deliveries.into_iter().map(Delivery::try_from).collect::<Result<_>>()?,
            events: events.into_iter().map(|(at, what, detail)| Event { at, what, detail }).collect(),
        }))
    }
}
