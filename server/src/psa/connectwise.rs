use super::{Fetched, HookContext, HookError, Hooked, NewNote, Psa};
use crate::outside::{CallError, Caller};
use async_trait::async_trait;
use domain::{Change, Lookups, PsaKind, PsaSettings, Report, Snapshot};

pub struct ConnectWise {}

impl ConnectWise {
    pub fn new(_settings: &PsaSettings, _caller: Caller) -> Self {
        unimplemented!()
    }
}

#[async_trait]
impl Psa for ConnectWise {
    fn kind(&self) -> PsaKind {
        unimplemented!()
    }
    async fn probe(&self) -> Report {
        unimplemented!()
    }
    async fn lookups(&self) -> Result<Lookups, CallError> {
        unimplemented!()
    }
    async fn fetch(&self, _ticket: &str) -> Result<Option<Fetched>, CallError> {
        unimplemented!()
    }
    async fn levers(&self, _ticket: &str) -> Result<Option<Snapshot>, CallError> {
        unimplemented!()
    }
    async fn apply(&self, _ticket: &str, _changes: &[Change]) -> Result<Snapshot, CallError> {
        unimplemented!()
    }
    async fn find_note(&self, _ticket: &str, _reference: &str) -> Result<Option<String>, CallError> {
        unimplemented!()
    }
    async fn write_note(&self, _ticket: &str, _note: &NewNote) -> Result<String, CallError> {
        unimplemented!()
    }
}

pub async fn read_hook(_context: &HookContext<'_>) -> Result<Hooked, HookError> {
    unimplemented!()
}
