//! The model of the stories, each of whose requests is held against the published document.

use super::scripted;
use crate::spec::Published;
use domain::ModelSettings;
use sandbox::Running;
use sandbox::faults::Watch;

pub struct ScriptedModel {
    pub watch: Watch,
    running: Running,
}

impl ScriptedModel {
    pub async fn serve() -> Self {
        let watch = Watch::default();
        let router = scripted::router(&watch);
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), router).await.unwrap();
        Self { watch, running }
    }

    pub fn settings(&self) -> ModelSettings {
        scripted::settings(&self.running.url())
    }

    pub fn url(&self) -> String {
        self.running.url()
    }

    pub fn asked(&self) -> usize {
        self.watch.recorder.all().len()
    }
}

/// Whatever a story was about: the published document allows each request that came to its model.
impl Drop for ScriptedModel {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Published::OpenAi.check(&self.watch.recorder.all());
        }
    }
}
