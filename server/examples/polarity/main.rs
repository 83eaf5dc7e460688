//! How well the built-in analyser's lexicon tells moods, beside the plain VADER lexicon at ±0.05.
//!
//! `cargo run -p server --example polarity [FILE.jsonl.gz]`: rows with `platform`, `polarity` (-1, 0, 1) and `text`.

mod measure;

use flate2::read::GzDecoder;
use measure::Confusion;
use serde_json::Value;
use server::llm::builtin::polarity;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use vader_sentimental::SentimentIntensityAnalyzer;

fn main() -> anyhow::Result<()> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/se-polarity/dev.jsonl.gz");
    let path = std::env::args().nth(1).unwrap_or_else(|| default.to_owned());
    let rows: Vec<Value> = BufReader::new(GzDecoder::new(File::open(&path)?))
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<anyhow::Result<_>>()?;

    let base = SentimentIntensityAnalyzer::new();
    let mut seen = BTreeMap::<&str, [Confusion; 2]>::new();
    for row in &rows {
        let text = row["text"].as_str().unwrap_or_default();
        let labelled = i8::try_from(row["polarity"].as_i64().unwrap_or_default())?;
        seen.entry(row["platform"].as_str().unwrap_or_default()).or_default()[0]
            .add(labelled, polarity(text));
    }
    for row in &rows {
        let text = row["text"].as_str().unwrap_or_default();
        let labelled = i8::try_from(row["polarity"].as_i64().unwrap_or_default())?;
        let compound = base.polarity_scores(text).compound;
        let found = if compound >= 0.05 { 1 } else { -i8::from(compound <= -0.05) };
        seen.entry(row["platform"].as_str().unwrap_or_default()).or_default()[1].add(labelled, found);
    }

    println!("{:<10} {:>6}   ours acc / F1    base acc / F1", "platform", "rows");
    let all =
        seen.values().fold([Confusion::default(); 2], |sum, one| [sum[0].plus(one[0]), sum[1].plus(one[1])]);
    for (platform, [ours, base]) in seen.iter().chain([(&"all", &all)]) {
        println!(
            "{platform:<10} {:>6}   {:.3} / {:.3}    {:.3} / {:.3}",
            ours.total(),
            ours.accuracy(),
            ours.macro_f1(),
            base.accuracy(),
            base.macro_f1()
        );
    }
    println!(
        "The lexicon that ships was fitted on all of these rows, so our own figures here are optimistic."
    );
    Ok(())
}
