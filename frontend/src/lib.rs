//! The wasm entry: makes the islands of a server-rendered page live, and nothing else.

#[expect(unused_imports, reason = "linking the crate is what registers its islands")]
use app::*;

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
