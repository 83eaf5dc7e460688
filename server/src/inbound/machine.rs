//! Monitoring alerts, bounces and auto-replies.

/// Why a text was not written by a person asking for help, in words; `None`: it probably was.
pub fn machine_text(_title: &str, _text: &str, _sender: Option<&str>) -> Option<String> {
    unimplemented!()
}
