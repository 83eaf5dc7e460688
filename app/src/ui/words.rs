//! Our own states in the words people read.

use domain::ActionState;
use store::door::DeliveryState;
use store::tickets::TicketState;

pub fn ticket_state(state: TicketState) -> &'static str {
    match state {
        TicketState::Reading => "being read",
        TicketState::Analysed => "nothing to do",
        TicketState::Shadowed => "would have acted",
        TicketState::Acting => "acting",
        TicketState::Acted => "acted",
        TicketState::Skipped => "skipped",
        TicketState::Failed => "failed",
    }
}

pub fn action_state(state: ActionState) -> &'static str {
    match state {
        ActionState::Shadow => "would have",
        ActionState::Planned => "planned",
        ActionState::InFlight => "under way",
        ActionState::Done => "done",
        ActionState::Refused => "refused",
        ActionState::Superseded => "not needed",
    }
}

pub fn delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "waiting",
        DeliveryState::Ignored => "left alone",
        DeliveryState::Done => "analysed",
        DeliveryState::Dead => "failed",
    }
}

/// `1 ticket`, `2 tickets`.
pub fn count(number: i64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", thousands(number)) }
}

/// `1,204`.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_204, "1,204"), (1_000_000, "1,000,000"), (-12_345, "−12,345")]
        {
            assert_eq!(thousands(number), expected);
        }
        assert_eq!(count(1, "ticket", "tickets"), "1 ticket");
        assert_eq!(count(0, "ticket", "tickets"), "0 tickets");
    }
}
