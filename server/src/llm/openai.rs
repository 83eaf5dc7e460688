use super::{Completion, Model, Prompt};
use crate::outside::{CallError, Caller};
use async_trait::async_trait;
use domain::{ModelSettings, Report};

pub struct OpenAi {}

impl OpenAi {
    pub fn new(_settings: &ModelSettings, _caller: Caller) -> Self {
        unimplemented!()
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> String {
        unimplemented!()
    }
    async fn complete(
        &self,
        _prompt: &Prompt,
        _repair: Option<(&str, &str)>,
    ) -> Result<Completion, CallError> {
        unimplemented!()
    }
    async fn probe(&self) -> Report {
        unimplemented!()
    }
}
