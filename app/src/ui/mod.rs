//! What the screens are built of. Components take plain values, never the store, and draw with classes of `style/`.

mod badge;
mod card;
mod chart;
mod empty;
mod header;
mod heat;
mod icon;
mod mark;
mod quoted;
mod spark;
mod table;
mod when;

pub mod words;

pub use badge::{Badge, LabelBadge, StateBadge, Tone};
pub use card::{Card, Figure, Section};
pub use chart::{Column, ShareBar, TrendChart};
pub use empty::{Empty, Problem};
pub use header::PageHeader;
pub use heat::HeatMap;
pub use icon::Icon;
pub use mark::{Bars, Logo, MeanMood, Mood, mood_word};
pub use quoted::Quoted;
pub use spark::Spark;
pub use table::{Older, Table};
pub use when::{Clockface, Moment, When, span};
