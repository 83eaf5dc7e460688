//! The policy page's form: a [`Policy`] as named fields, and fields back into a policy.
//!
//! Field names are the dotted paths that [`domain::InvalidPolicy`] uses, so that an error finds its place on the page.
//! Pure, and the same in the browser (the summary beside the form) and on the server (the save).

use super::catalogue::{Catalogue, Placed};
use crate::pages::fields::{Fields, Problem};
use domain::what_if::Aim;
use domain::{
    Choice, Dimension, Driver, Escalation, Lever, LeverRule, ListRule, MachineText, NoteStyle, Outage, Party,
    Policy, Scope, ScopeMode, Score, ScoreField, Threshold, Thresholds, Updates,
};
use std::collections::BTreeMap;

/// The levers a mapping table can be drawn for, with the word that begins their field names.
pub const MAPPED: [(Lever, &str); 3] =
    [(Lever::Priority, "priority"), (Lever::Severity, "severity"), (Lever::Impact, "impact")];

/// The scope rules, with the word in their field names.
pub const RULES: [&str; 4] = ["boards", "kinds", "sources", "clients"];

/// As the domain's own check.
const MOST_WORDS: u32 = 100;

pub fn rule<'a>(updates: &'a Updates, lever: &Lever) -> Option<&'a LeverRule> {
    match lever {
        Lever::Priority => updates.priority.as_ref(),
        Lever::Severity => updates.severity.as_ref(),
        Lever::Impact => updates.impact.as_ref(),
        _ => None,
    }
}

pub fn scope_rule<'a>(scope: &'a Scope, which: &str) -> &'a ListRule {
    match which {
        "boards" => &scope.boards,
        "kinds" => &scope.kinds,
        "sources" => &scope.sources,
        _ => &scope.clients,
    }
}

pub fn driver_word(driver: Driver) -> &'static str {
    match driver {
        Driver::Sentiment => "sentiment",
        Driver::Urgency => "urgency",
        Driver::Impact => "impact",
        Driver::Highest => "highest",
    }
}

/// The field with a wanted number of tickets a day; it is no part of the policy.
pub const WANTED: &str = "aim.wanted";

/// What the wanted number is of.
pub fn aim(fields: &Fields) -> Aim {
    match fields.get("aim.of").map(String::as_str) {
        Some("touched") => Aim::Touched,
        _ => Aim::HandedOver,
    }
}

/// The form as it stands for a saved policy.
pub fn fields_of(policy: &Policy, catalogue: &Catalogue<'_>) -> Fields {
    let mut fields = Fields::new();
    for dimension in Dimension::ALL {
        let shown = policy.thresholds.of(dimension).map(|score| score.to_string()).unwrap_or_default();
        fields.insert(format!("thresholds.{}", dimension.word()), shown);
    }
    for (lever, word) in MAPPED {
        lever_fields(&mut fields, word, rule(&policy.updates, &lever), &catalogue.ranked(&lever));
    }
    for dimension in Dimension::ALL {
        if let Some(field) = first_field(&policy.updates.score_fields, dimension) {
            let name = format!("updates.score_fields.{}", dimension.word());
            fields.insert(format!("{name}.field"), field.field.clone());
            insert_values(&mut fields, &name, &field.values);
        }
    }
    let target =
        |choice: &Option<Choice>| choice.as_ref().map(|choice| choice.id.clone()).unwrap_or_default();
    fields.insert("escalation.owner".into(), target(&policy.escalation.owner));
    fields.insert("escalation.team".into(), target(&policy.escalation.team));
    fields.insert("escalation.status".into(), target(&policy.escalation.status));
    fields.insert("escalation.board".into(), target(&policy.escalation.board));
    let notes = if policy.notes == NoteStyle::Folded { "folded" } else { "per_action" };
    fields.insert("notes".into(), notes.into());
    let outage = if policy.outage == Outage::Builtin { "builtin" } else { "wait" };
    fields.insert("outage".into(), outage.into());
    scope_fields(&mut fields, &policy.scope);
    fields
}

fn lever_fields(fields: &mut Fields, word: &str, rule: Option<&LeverRule>, all: &[Choice]) {
    let name = format!("updates.{word}");
    let driver = rule.map(|rule| driver_word(rule.driver)).unwrap_or_default();
    fields.insert(format!("{name}.driver"), driver.into());
    if let Some(rule) = rule {
        insert_values(fields, &name, &rule.values);
    }
    for (index, choice) in all.iter().enumerate() {
        // Nothing saved yet: the PSA's own order is the best guess.
        let position = match rule {
            Some(rule) => rule.ranking.iter().position(|ranked| ranked == choice).map(|at| at + 1),
            None => Some(index + 1),
        };
        fields.insert(format!("{name}.ranked.{index}"), choice.id.clone());
        fields
            .insert(format!("{name}.ranking.{index}"), position.map(|at| at.to_string()).unwrap_or_default());
    }
}

fn insert_values(fields: &mut Fields, name: &str, values: &BTreeMap<Score, Choice>) {
    for (score, choice) in values {
        fields.insert(format!("{name}.values.{score}"), choice.id.clone());
    }
}

fn scope_fields(fields: &mut Fields, scope: &Scope) {
    for which in RULES {
        let rule = scope_rule(scope, which);
        let mode = match rule.mode {
            ScopeMode::Any => "any",
            ScopeMode::Only => "only",
            ScopeMode::Except => "except",
        };
        fields.insert(format!("scope.{which}.mode"), mode.into());
        for (index, item) in rule.items.iter().enumerate() {
            fields.insert(format!("scope.{which}.items.{index}"), item.id.clone());
        }
    }
    let machine = if scope.machine_text == MachineText::Score { "score" } else { "skip" };
    fields.insert("scope.machine_text".into(), machine.into());
    fields.insert("scope.min_words".into(), scope.min_words.to_string());
}

fn first_field(fields: &[ScoreField], dimension: Dimension) -> Option<&ScoreField> {
    fields.iter().find(|field| field.dimension == dimension)
}

/// Reads a whole policy. A part that the form does not contain (no list was there to choose from) stays as saved, and
/// so does the mode: going live is a page of its own.
///
/// # Errors
/// Everything that is wrong, each with its field.
pub fn parse(fields: &Fields, catalogue: &Catalogue<'_>) -> Result<Policy, Vec<Problem>> {
    let mut reader = Reader { fields, saved: catalogue.saved, problems: Vec::new() };
    let thresholds = Thresholds {
        sentiment: reader.threshold(Dimension::Sentiment),
        urgency: reader.threshold(Dimension::Urgency),
        impact: reader.threshold(Dimension::Impact),
    };
    let updates = Updates {
        priority: reader.lever(&Lever::Priority, "priority", catalogue),
        severity: reader.lever(&Lever::Severity, "severity", catalogue),
        impact: reader.lever(&Lever::Impact, "impact", catalogue),
        score_fields: reader.score_fields(catalogue),
    };
    let policy = Policy {
        mode: catalogue.saved.mode,
        thresholds,
        updates,
        escalation: reader.escalation(catalogue),
        notes: match reader.text("notes") {
            "folded" => NoteStyle::Folded,
            "per_action" => NoteStyle::PerAction,
            _ => catalogue.saved.notes,
        },
        outage: match reader.text("outage") {
            "wait" => Outage::Wait,
            "builtin" => Outage::Builtin,
            _ => catalogue.saved.outage,
        },
        scope: reader.scope(catalogue),
    };
    if reader.problems.is_empty() { Ok(policy) } else { Err(reader.problems) }
}

struct Reader<'a> {
    fields: &'a Fields,
    saved: &'a Policy,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn text(&self, field: &str) -> &'a str {
        self.fields.get(field).map_or("", |value| value.trim())
    }

    fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(field, message));
    }

    fn threshold(&mut self, dimension: Dimension) -> Threshold {
        let field = format!("thresholds.{}", dimension.word());
        if !self.has(&field) {
            return self.saved.thresholds.of(dimension);
        }
        let text = self.text(&field);
        if text.is_empty() || text == "off" {
            return None;
        }
        let score = text.parse::<i64>().ok().and_then(|number| Score::new(number).ok());
        if score.is_none() {
            self.problem(field, "Choose a score from 1 to 5, or off.");
        }
        score
    }

    fn lever(&mut self, lever: &Lever, word: &str, catalogue: &Catalogue<'_>) -> Option<LeverRule> {
        let name = format!("updates.{word}");
        if !self.has(&format!("{name}.driver")) {
            return rule(&self.saved.updates, lever).cloned();
        }
        let driver = match self.text(&format!("{name}.driver")) {
            "" => return None,
            "sentiment" => Driver::Sentiment,
            "urgency" => Driver::Urgency,
            "impact" => Driver::Impact,
            "highest" => Driver::Highest,
            _ => {
                self.problem(format!("{name}.driver"), "Choose which score this follows.");
                return None;
            }
        };
        let all = catalogue.ranked(lever);
        let ranking = self.ranking(&name, &all);
        let values = self.values(&name, &all);
        if values.is_empty() {
            self.problem(
                format!("{name}.values"),
                "Choose a value for at least one score, or leave this field alone.",
            );
        }
        for (score, choice) in &values {
            if !ranking.contains(choice) {
                self.problem(
                    format!("{name}.values.{score}"),
                    format!(
                        "“{}” has no place in the order below, so we could not tell whether it is a raise.",
                        choice.shown()
                    ),
                );
            }
        }
        Some(LeverRule { driver, values, ranking })
    }

    /// Mildest first, by the positions that were typed; two values at one position are refused.
    fn ranking(&mut self, name: &str, all: &[Choice]) -> Vec<Choice> {
        let mut placed: Vec<(u32, &Choice)> = Vec::new();
        let prefix = format!("{name}.ranked.");
        for (key, id) in self.fields.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let field = format!("{name}.ranking.{}", &key[prefix.len()..]);
            let Some(choice) = all.iter().find(|choice| choice.id == *id) else { continue };
            let text = self.text(&field);
            if text.is_empty() {
                continue;
            }
            match text.parse::<u32>() {
                Ok(position) if position > 0 => {
                    if let Some((_, other)) = placed.iter().find(|(taken, _)| *taken == position) {
                        let message = format!(
                            "“{}” and “{}” cannot both be number {position}.",
                            other.shown(),
                            choice.shown()
                        );
                        self.problem(field, message);
                    } else {
                        placed.push((position, choice));
                    }
                }
                _ => self.problem(field, "A place in the order is a whole number, 1 for the mildest."),
            }
        }
        placed.sort_by_key(|(position, _)| *position);
        placed.into_iter().map(|(_, choice)| choice.clone()).collect()
    }

    fn values(&mut self, name: &str, all: &[Choice]) -> BTreeMap<Score, Choice> {
        let mut values = BTreeMap::new();
        for score in Score::ALL {
            let field = format!("{name}.values.{score}");
            if let Some(choice) = self.pick(&field, all) {
                values.insert(score, choice);
            }
        }
        values
    }

    /// The value picked in `field`; a value that no list has is an error, nothing picked is not.
    fn pick(&mut self, field: &str, all: &[Choice]) -> Option<Choice> {
        let id = self.text(field);
        if id.is_empty() {
            return None;
        }
        let found = all.iter().find(|choice| choice.id == id).cloned();
        if found.is_none() {
            self.problem(
                field,
                "This value is no longer in your PSA’s list. Refresh the lists and choose again.",
            );
        }
        found
    }

    fn score_fields(&mut self, catalogue: &Catalogue<'_>) -> Vec<ScoreField> {
        let saved = &catalogue.saved.updates.score_fields;
        let mut fields = Vec::new();
        for dimension in Dimension::ALL {
            fields.extend(self.score_field(dimension, catalogue));
            // The form shows one field per score; more of them (set through the API) stay as they are.
            fields.extend(saved.iter().filter(|field| field.dimension == dimension).skip(1).cloned());
        }
        fields
    }

    fn score_field(&mut self, dimension: Dimension, catalogue: &Catalogue<'_>) -> Option<ScoreField> {
        let name = format!("updates.score_fields.{}", dimension.word());
        let saved = first_field(&self.saved.updates.score_fields, dimension);
        if !self.has(&format!("{name}.field")) {
            return saved.cloned();
        }
        let field = self.text(&format!("{name}.field"));
        if field.is_empty() {
            return None;
        }
        let listed = catalogue
            .lookups
            .and_then(|lookups| lookups.custom_fields.iter().find(|custom| custom.name == field));
        let saved = saved.filter(|saved| saved.field == field);
        let all = match (listed, saved) {
            (Some(custom), _) => custom.values.clone(),
            (None, Some(saved)) => saved.values.values().cloned().collect(),
            (None, None) => {
                self.problem(
                    format!("{name}.field"),
                    "This field is no longer in your PSA’s list. Refresh the lists and choose again.",
                );
                return None;
            }
        };
        let values = if all.is_empty() { BTreeMap::new() } else { self.values(&name, &all) };
        if !all.is_empty() && values.is_empty() {
            self.problem(
                format!("{name}.field"),
                format!("“{field}” is a list: choose which of its values stands for each score."),
            );
        }
        Some(ScoreField { dimension, field: field.into(), values })
    }

    fn escalation(&mut self, catalogue: &Catalogue<'_>) -> Escalation {
        if !self.has("escalation.owner") {
            return self.saved.escalation.clone();
        }
        let board = self.pick("escalation.board", &catalogue.boards());
        Escalation {
            owner: self.pick("escalation.owner", &catalogue.owners()),
            team: self.pick_placed("escalation.team", "team", &catalogue.teams(), board.as_ref()),
            status: self.pick_placed("escalation.status", "status", &catalogue.statuses(), board.as_ref()),
            board,
        }
    }

    /// As [`Self::pick`], for values that exist on one board only.
    fn pick_placed(
        &mut self,
        field: &str,
        word: &str,
        all: &[Placed<'_>],
        board: Option<&Choice>,
    ) -> Option<Choice> {
        let flat: Vec<Choice> = all.iter().map(|placed| placed.choice.clone()).collect();
        let picked = self.pick(field, &flat)?;
        let homes: Vec<&str> =
            all.iter().filter(|placed| *placed.choice == picked).filter_map(|placed| placed.board).collect();
        match board {
            Some(board) if !homes.is_empty() && !homes.contains(&board.id.as_str()) => {
                let message = format!(
                    "“{}” is not a {word} of the board “{}”. Choose one of that board’s own.",
                    picked.shown(),
                    board.shown()
                );
                self.problem(field, message);
            }
            None if !homes.is_empty() => {
                self.problem(field, format!("This {word} exists on one board only: choose that board too, so that the ticket moves there."));
            }
            _ => {}
        }
        Some(picked)
    }

    fn scope(&mut self, catalogue: &Catalogue<'_>) -> Scope {
        Scope {
            boards: self.list_rule("boards", catalogue),
            kinds: self.list_rule("kinds", catalogue),
            sources: self.list_rule("sources", catalogue),
            clients: self.list_rule("clients", catalogue),
            machine_text: match self.text("scope.machine_text") {
                "score" => MachineText::Score,
                "skip" => MachineText::Skip,
                _ => self.saved.scope.machine_text,
            },
            min_words: self.min_words(),
        }
    }

    fn list_rule(&mut self, which: &str, catalogue: &Catalogue<'_>) -> ListRule {
        if !self.has(&format!("scope.{which}.mode")) {
            return scope_rule(&self.saved.scope, which).clone();
        }
        let mode = match self.text(&format!("scope.{which}.mode")) {
            "only" => ScopeMode::Only,
            "except" => ScopeMode::Except,
            _ => ScopeMode::Any,
        };
        let all = catalogue.scope(which);
        let prefix = format!("scope.{which}.items.");
        let picked: Vec<&str> = self
            .fields
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, id)| id.trim())
            .collect();
        let items: Vec<Party> = all
            .iter()
            .filter(|choice| picked.contains(&choice.id.as_str()))
            .map(|choice| Party { id: choice.id.clone(), name: choice.label.clone() })
            .collect();
        if mode != ScopeMode::Any && items.is_empty() {
            self.problem(format!("scope.{which}.mode"), "Tick at least one, or choose “every”.");
        }
        ListRule { mode, items }
    }

    fn min_words(&mut self) -> u32 {
        if !self.has("scope.min_words") {
            return self.saved.scope.min_words;
        }
        let text = self.text("scope.min_words");
        match text.parse::<u32>() {
            Ok(words) if words <= MOST_WORDS => words,
            _ => {
                self.problem("scope.min_words", format!("A whole number from 0 to {MOST_WORDS}."));
                0
            }
        }
    }
}

#[cfg(test)]
pub mod tests;
