//! The screens alone, with made-up tickets: `cargo run -p server --example screens [ADDRESS]`.
//!
//! Everything is real but the acts that need the network ([`Ops`]), and the tickets. Sign in as `owner@example.com` with
//! `correct horse battery staple`. The database lives in a temporary folder and goes with the program.

#[path = "screens/seed.rs"]
mod seed;
#[path = "screens/stand_in.rs"]
mod stand_in;

use anyhow::Context;
use app::Instance;
use server::clock::Clock;
use server::web::ui;
use std::net::SocketAddr;
use std::sync::Arc;
use store::{KeyRing, Store};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:3333").parse()?;
    let folder = std::env::temp_dir().join(format!("undertone-screens-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let keys = KeyRing::parse(&KeyRing::generate(None))?;
    let store = Store::open(&format!("sqlite://{}/screens.db", folder.display()), keys).await?;
    store.migrate().await?;
    let clock = Clock::system();
    seed::seed(&store, clock.now()).await.context("seeding")?;

    let instance = Instance { store: store.clone(), ops: Arc::new(stand_in::StandIn(clock)), secure: false };
    let parts = ui::Parts {
        instance,
        public_url: format!("http://{address}"),
        session_hours: 12,
        trusted_proxies: Vec::new(),
        stop: tokio_util::sync::CancellationToken::new(),
        ask_again: ui::ASK_AGAIN,
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{} (owner@example.com, correct horse battery staple)", listener.local_addr()?);
    let app = ui::router(parts).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    store.close().await;
    let _ = std::fs::remove_dir_all(folder);
    Ok(())
}
